"""The newest events of a book in memory, and how they are cut into responses."""

from random import Random

import pytest

from yupana.feed.v1.feed_service_pb2 import SubscribeResponse
from yupana_server.book.commands import Kind
from yupana_server.feed.following.encoded import (
    RESPONSE_BYTES,
    EncodedEvent,
    first_response,
    response,
)
from yupana_server.feed.following.ring import READ_MAX, Ring
from yupana_server.journal.rows import Link


def _hash(seq: int) -> bytes:
    return b"hash-%d" % seq


def _events(first: int, last: int, *, size: int = 10) -> list[EncodedEvent]:
    return [
        EncodedEvent(
            seq, _hash(seq), 0, Kind.TRANSFER, "", None, None, (None, None, None), b"\0" * size
        )
        for seq in range(first, last + 1)
    ]


def _ring(**bounds: int) -> Ring:
    return Ring(Link(100, _hash(100)), **{"events_max": 50, **bounds})


def _seqs(found: object) -> list[int]:
    assert isinstance(found, list)
    return [event.seq for event in found]


def test_ring_when_empty_then_it_knows_what_it_begins_after() -> None:
    ring = _ring()
    assert ring.last == Link(100, _hash(100))
    assert ring.after(100) == []
    assert ring.after(99) is None
    assert ring.after(105) == []
    assert (ring.hash_at(100), ring.hash_at(99), ring.hash_at(101)) == (_hash(100), None, None)


def test_ring_when_events_come_then_they_follow_any_of_them() -> None:
    ring = _ring()
    ring.append(_events(101, 120))
    assert ring.last == Link(120, _hash(120))
    assert _seqs(ring.after(100)) == list(range(101, 121))
    assert _seqs(ring.after(119)) == [120]
    assert ring.after(120) == []
    assert ring.hash_at(110) == _hash(110)


@pytest.mark.parametrize("bounds", [{"events_max": 50}, {"events_max": 9_999, "bytes_max": 500}])
def test_ring_when_there_is_no_room_then_the_oldest_go(bounds: dict[str, int]) -> None:
    ring, random, seq = _ring(**bounds), Random(1), 100
    for _ in range(200):
        count = random.randint(1, 9)
        ring.append(_events(seq + 1, seq + count))
        seq += count
        kept = seq - ring.base.seq
        assert kept <= 50
        assert kept >= min(seq - 100, 25)
        assert ring.last.seq == seq
        assert _seqs(ring.after(ring.base.seq)) == list(range(ring.base.seq + 1, seq + 1))
        assert ring.hash_at(ring.base.seq) == _hash(ring.base.seq)


def test_ring_when_one_event_is_larger_than_all_room_then_it_goes_at_once() -> None:
    ring = _ring(bytes_max=100)
    ring.append(_events(101, 101, size=1_000))
    assert ring.last == Link(101, _hash(101))
    assert ring.after(100) is None
    assert ring.after(101) == []


def test_ring_when_much_is_asked_for_then_hands_out_a_bounded_number() -> None:
    ring = _ring(events_max=5_000)
    ring.append(_events(101, 4_000))
    assert len(ring.after(100) or ()) == READ_MAX


def test_responses_when_put_together_then_they_parse_and_are_bounded() -> None:
    events = _events(1, 40, size=RESPONSE_BYTES // 10 + 1)
    first = first_response(events)
    assert len(first) == 10
    assert len(first_response(events[:3])) == 3
    assert len(first_response(_events(1, 2, size=2 * RESPONSE_BYTES))) == 1
    assert first_response([]) == []
    # Zeros are no events; what matters is where one ends and the next begins.
    empty = [event._replace(payload=b"\x0a\x83\x01" + b"x" * 131) for event in first]
    parsed = SubscribeResponse.FromString(response(empty, "here"))
    assert parsed.position == "here"
    assert [event.id for event in parsed.events] == ["x" * 131] * 10
