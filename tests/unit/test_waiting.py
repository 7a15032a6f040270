"""What waits for a book's writer, and what is refused because it would wait for too long."""

import pytest

from yupana_server.book.commands import CreateTransfer
from yupana_server.ledger.submission import OverloadedError, Submission
from yupana_server.ledger.waiting import (
    HEADROOM,
    QUEUE_WAIT_MAX_S,
    QUEUED_COMMANDS_MAX,
    QUEUED_COMMANDS_MIN,
    TAKEN_MAX,
    Pace,
    WaitingLine,
)

NOW, FAR = 1_000.0, 1_060.0


def submission(commands: int, name: str = "t") -> Submission:
    units = [(CreateTransfer(f"{name}-{place}", "a", "b", 1),) for place in range(commands)]
    return Submission(units, FAR)


def line_at(per_s: float, *waiting: Submission) -> WaitingLine:
    line = WaitingLine()
    line.pace.command_s = 1 / per_s
    for each in waiting:
        line.add(each)
    return line


def has_room(
    line: WaitingLine, commands: int, *, under_way: int = 0, deadline: float = FAR
) -> bool:
    try:
        line.check_room(commands, under_way=under_way, deadline=deadline, now=NOW)
    except OverloadedError:
        return False
    return True


async def test_room_when_nothing_waits_then_anything_goes() -> None:
    assert has_room(line_at(1.0), 10_000, deadline=NOW + 0.1)


async def test_room_when_the_line_is_long_then_bounded_by_the_wait() -> None:
    line = line_at(20_000, *[submission(1_000) for _ in range(29)])
    room = 20_000 * int(QUEUE_WAIT_MAX_S) - 29_000
    assert has_room(line, room)
    assert not has_room(line, room + 1)
    assert has_room(line, room - 5_000, under_way=5_000)
    assert not has_room(line, room - 5_000 + 1, under_way=5_000)


async def test_room_when_one_batch_is_under_way_then_a_large_request_may_wait() -> None:
    assert has_room(line_at(1_000), QUEUED_COMMANDS_MIN, under_way=5_000)


async def test_room_when_the_pace_is_high_then_bounded_by_what_memory_holds() -> None:
    line = line_at(1e9, submission(1_000))
    assert has_room(line, QUEUED_COMMANDS_MAX - 1_000)
    assert not has_room(line, QUEUED_COMMANDS_MAX - 999)


async def test_room_when_the_pace_is_low_then_there_is_always_work_for_the_writer() -> None:
    line = line_at(1_000, submission(1_000))
    assert has_room(line, QUEUED_COMMANDS_MIN - 1_000)
    assert not has_room(line, QUEUED_COMMANDS_MIN - 999)


async def test_room_when_the_deadline_comes_first_then_there_is_none() -> None:
    line = line_at(10_000, submission(4_000))
    # 5,000 waiting with this one and 5,000 under way take a second.
    assert has_room(line, 1_000, under_way=5_000, deadline=NOW + HEADROOM * 1.0 + 0.001)
    assert not has_room(line, 1_000, under_way=5_000, deadline=NOW + HEADROOM * 1.0 - 0.001)


async def test_room_when_somebody_goes_away_then_there_is_more() -> None:
    first, second = submission(5_000), submission(5_000)
    line = line_at(1_000, first, second)
    assert not has_room(line, 5_000)

    first.answer.cancel()
    line.forget(first)

    assert has_room(line, 5_000)
    assert line.take(QUEUED_COMMANDS_MAX, at_least_one=True) == [second]


async def test_take_when_room_is_left_then_in_order_and_no_more_than_fits() -> None:
    waiting = [submission(3) for _ in range(3)]
    line = line_at(1.0, *waiting)
    assert line.take(7, at_least_one=True) == waiting[:2]
    assert line.take(2, at_least_one=False) == []
    assert line.take(2, at_least_one=True) == waiting[2:]
    assert len(line) == 0


async def test_take_when_much_waits_then_in_parts_however_much_room_there_is() -> None:
    waiting = [submission(count) for count in (TAKEN_MAX - 1, 1, 1, TAKEN_MAX + 1, 1)]
    line = line_at(1.0, *waiting)
    parts = []
    while line:
        parts.append(line.take(QUEUED_COMMANDS_MAX, at_least_one=False))
    assert parts == [waiting[:2], waiting[2:3], waiting[3:4], waiting[4:]]


async def test_put_back_when_taken_then_they_are_the_first_again() -> None:
    waiting = [submission(3) for _ in range(3)]
    line = line_at(1.0, *waiting)
    taken = line.take(7, at_least_one=True)
    line.put_back(taken)
    assert not any(each.taken for each in waiting)
    assert line.take(100, at_least_one=True) == waiting


def test_pace_when_batches_follow_each_other_then_counts_from_end_to_end() -> None:
    pace = Pace()
    for number in range(1, 100):  # Decided for two seconds each, but one ends every second.
        pace.note(5_000, number - 1.0, number + 1.0)
    assert pace.command_s == pytest.approx(1 / 5_000, rel=0.01)


def test_pace_when_batches_are_small_then_they_tell_nothing() -> None:
    pace = Pace()
    before = pace.command_s
    for number in range(100):
        pace.note(10, number, number + 0.5)
    assert pace.command_s == before


def test_pace_when_there_was_a_stall_then_soon_forgotten() -> None:
    pace, now = Pace(), 100.0
    pace.note(5_000, now - 10, now)
    for _ in range(10):
        now += 0.25
        pace.note(5_000, now - 0.25, now)
    assert 1 / pace.command_s == pytest.approx(20_000, rel=0.2)


def test_pace_when_small_batches_follow_a_stall_then_it_is_forgotten_as_soon() -> None:
    pace, now = Pace(), 100.0
    pace.note(500, now - 10, now)
    for _ in range(12):
        now += 0.025
        pace.note(500, now - 0.025, now)
    assert 1 / pace.command_s == pytest.approx(20_000, rel=0.3)


async def test_overloaded_says_how_many_wait() -> None:
    line = line_at(1_000, submission(9_000))
    with pytest.raises(OverloadedError) as refused:
        line.check_room(5_000, under_way=0, deadline=FAR, now=NOW)
    assert refused.value.queued_commands == 9_000
