"""Outcomes as they leave, those that are put together from texts among them."""

import base64
import struct
import zlib

from hypothesis import given
from hypothesis import strategies as st

from yupana.ledger.v1 import ledger_service_pb2, outcome_pb2
from yupana_server.book.bounds import AMOUNT_MAX
from yupana_server.book.commands import Kind
from yupana_server.book.decide import Outcome, Refusal, Replay
from yupana_server.book.entries import Entry
from yupana_server.book.rejections import Reason
from yupana_server.messages import present
from yupana_server.messages.tokens import encode_position

IDS = st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9_:.\-]{0,127}\Z")
SEQS = st.one_of(
    st.integers(0, 2**63 - 1),
    st.integers(1, 2**40).map(lambda high: high * 256),
    st.integers(0, 1_100),
)


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    reason = draw(st.sampled_from([None, None, None, Reason.ACCOUNT_CLOSED]))
    return Entry(
        seq=draw(SEQS),
        recorded_at=draw(
            st.one_of(st.integers(0, 2**52), st.sampled_from([0, 1, 999_999, 1_000_000]))
        ),
        kind=draw(st.sampled_from([Kind.TRANSFER, Kind.TRANSFER, Kind.LEG, Kind.CLOSE_PERIOD])),
        id=draw(IDS),
        reason=reason,
        facts=None
        if reason is None
        else {"account": "ü" * draw(st.integers(0, 200)), "side": "debit"},
        amount=draw(st.integers(1, AMOUNT_MAX)),
        epoch=draw(st.integers(1, 2**31)),
    )


def outcomes() -> st.SearchStrategy[Outcome]:
    refusals = st.builds(
        Refusal, IDS, st.just(Reason.ACCOUNT_NOT_FOUND), st.just({"account": "a", "side": "debit"})
    )
    return st.one_of(entries(), entries().map(Replay), refusals)


@given(st.lists(outcomes(), max_size=20), st.booleans())
def test_outcomes_when_written_together_then_each_is_what_it_is_alone(
    decided: list[Outcome], recorded: bool
) -> None:
    response = ledger_service_pb2.ExecuteResponse(position="here")
    present.write_outcomes(response, "shop", decided, recorded=recorded)
    assert response.position == "here"
    assert list(response.outcomes) == [
        present.outcome("shop", each, recorded=recorded) for each in decided
    ]


@given(entries().filter(lambda entry: entry.kind is Kind.TRANSFER and entry.reason is None))
def test_outcome_when_of_a_posted_transfer_then_says_how_much_where_and_when(entry: Entry) -> None:
    response = ledger_service_pb2.ExecuteResponse()
    present.write_outcomes(response, "shop", [entry])
    expected = outcome_pb2.Outcome(
        id=entry.id,
        transfer_posted=outcome_pb2.TransferPosted(amount=str(entry.amount)),
        position=encode_position("shop", entry.epoch, entry.seq),
    )
    expected.record_time.FromMicroseconds(entry.recorded_at)
    assert list(response.outcomes) == [expected]


@given(st.lists(st.tuples(st.sampled_from(["shop", "bank"]), st.integers(0, 2**32 - 1), SEQS)))
def test_positions_when_written_in_any_order_then_each_says_where_it_is(
    places: list[tuple[str, int, int]],
) -> None:
    for book, epoch, seq in places:
        packed = struct.pack(">BIQI", 1, epoch, seq, zlib.crc32(book.encode()))
        expected = base64.urlsafe_b64encode(packed).rstrip(b"=").decode()
        assert encode_position(book, epoch, seq) == expected
