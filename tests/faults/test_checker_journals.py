"""The checker notices whatever is wrong with a journal: each test spoils one of an honest run."""

from faults.history.journal import Row
from faults.history.replay import is_part
from faults.history.spoilt import Run, new, posted, rejected
from grpc import StatusCode

from yupana import DeadlineExceeded
from yupana_server.messages.tokens import Position


def hour_long(row: Row) -> bool:
    return (
        row.kind == "hold" and row.content.get("timeout_us") == 3_600_000_000 and bool(row.amount)
    )


def test_judge_when_nothing_is_spoilt_then_finds_nothing(run: Run) -> None:
    report = run.judge().require_good()
    assert (report.calls, len(run.rows)) == (len(run.calls), len(run.ids))
    kinds = {(row.kind, row.reason) for row in run.rows}
    assert {("transfer", None), ("capture", None), ("transfer", "LINKED_FAILED")} <= kinds
    assert {(kind, None) for kind in ("payment", "leg", "group", "reversal")} <= kinds
    assert {("payment", "COLLECTED_TOO_LITTLE"), ("reversal", "EXCEEDS_ORIGINAL")} <= kinds
    assert any(call.method == "stream" and call.outcomes for call in run.calls)


def test_judge_when_the_tail_is_lost_then_tells_and_allows_it_only_where_it_may(run: Run) -> None:
    kept = len(run.rows) - 30
    told = [row.seq for row in run.rows[kept:] if row.kind != "expiry" and not is_part(row)]
    run.rows = run.rows[:kept]
    run.ids = {row.id: row.seq for row in run.rows}
    report = run.judge()
    assert report.lost >= len(told) > 10
    allowed = run.judge(Position(1, kept))
    assert (allowed.lost, allowed.doubled, allowed.wrong_reads) == (0, 0, 0)
    assert allowed.given_up >= len(told)
    assert run.judge(Position(1, told[10] - 1)).lost >= 10


def test_judge_when_a_reused_id_was_lost_and_came_back_then_its_place_is_of_then(run: Run) -> None:
    reuse = run.calls[run.call(lambda call: any(outcome.refused for outcome in call.outcomes))]
    known = next(row for row in run.rows if row.id == reuse.commands[0].id)
    later = run.call(lambda call: call.began > reuse.ended and new(call))
    id_ = run.calls[later].commands[0].id
    other = next(row for row in run.rows if row.id == id_)
    kept = known.seq - 1
    run.calls[later] = run.calls[later]._replace(
        outcomes=(), error=DeadlineExceeded("late", StatusCode.DEADLINE_EXCEEDED)
    )
    again = [other._replace(place=(2, kept + 1)), known._replace(place=(2, kept + 2))]
    run.rows = [*run.rows[:kept], *again]
    problems = run.judge(Position(1, kept)).problems
    assert not any("was asked for after" in each for each in problems)


def test_judge_when_an_entry_is_lost_then_tells(run: Run) -> None:
    gone = run.rows.pop(run.row(posted))
    del run.ids[gone.id]
    report = run.judge()
    assert report.lost
    assert f"seq has gaps: [{gone.seq}]" in report.problems


def test_judge_when_an_id_has_two_entries_then_tells(run: Run) -> None:
    row, last = run.rows[run.row(posted)], run.rows[-1]
    place, at = (1, last.seq + 1), last.recorded_at + 1
    run.rows.append(row._replace(place=place, recorded_at=at))
    report = run.judge()
    assert report.doubled
    assert f"{row.id} has 2 entries" in report.problems


def test_judge_when_an_entry_is_of_nobody_then_tells(run: Run) -> None:
    place = run.row(posted)
    row = run.rows[place] = run.rows[place]._replace(amount=(run.rows[place].amount or 0) + 7)
    report = run.judge()
    assert report.doubled
    assert f"entry {row.seq} records {row.id}, which nobody asked for so" in report.problems


def test_judge_when_entries_are_not_in_the_order_of_time_then_tells(run: Run) -> None:
    place = run.row(posted)
    earlier = run.rows[place - 1].recorded_at
    run.rows[place] = run.rows[place]._replace(recorded_at=earlier)
    problem = f"entry {run.rows[place].seq} is not later than the one before it"
    assert problem in run.judge().problems


def test_judge_when_an_epoch_goes_back_then_tells(run: Run) -> None:
    place = run.row(posted)
    run.rows[place] = run.rows[place]._replace(place=(2, run.rows[place].seq))
    assert any("is of epoch 1, after 2" in each for each in run.judge().problems)


def test_judge_when_ids_say_otherwise_then_tells(run: Run) -> None:
    run.ids["another"] = 5
    assert "the table of ids does not say what the journal says" in run.judge().problems


def test_judge_when_a_balance_is_wrong_then_tells(run: Run) -> None:
    place = run.row(posted)
    totals = run.rows[place].debit_totals
    assert totals is not None
    run.rows[place] = run.rows[place]._replace(debit_totals=(totals[0] - 1, *totals[1:]))
    assert any("the sum of what was done is" in each for each in run.judge().problems)


def test_judge_when_a_rejection_has_no_reason_then_tells(run: Run) -> None:
    place = run.row(posted)
    run.rows[place] = run.rows[place]._replace(reason="BELOW_MIN_BALANCE")
    assert any("nothing speaks against it" in each for each in run.judge().problems)


def test_judge_when_a_limit_does_not_hold_then_tells(run: Run) -> None:
    place = run.row(rejected)
    run.rows[place] = run.rows[place]._replace(reason=None)
    assert any("the rules say BELOW_MIN_BALANCE" in each for each in run.judge().problems)


def test_judge_when_facts_of_a_rejection_are_wrong_then_tells(run: Run) -> None:
    place = run.row(rejected)
    run.rows[place] = run.rows[place]._replace(facts={"available": "1000000"})
    assert any("gives available as 1000000" in each for each in run.judge().problems)


def test_judge_when_a_chain_failed_without_a_reason_then_tells(run: Run) -> None:
    first = run.rows[run.row(lambda row: row.chain is not None and row.reason is None)]
    assert first.chain is not None
    for place, row in enumerate(run.rows):
        if row.chain is not None and row.chain[0] == first.chain[0]:
            run.rows[place] = row._replace(reason="LINKED_FAILED")
    problem = f"the chain of {first.chain[0]} failed without a reason"
    assert problem in run.judge().problems


def test_judge_when_half_of_a_chain_is_done_then_tells(run: Run) -> None:
    linked = run.row(lambda row: row.reason == "LINKED_FAILED")
    run.rows[linked] = run.rows[linked]._replace(reason=None)
    assert run.judge().problems


def test_judge_when_a_hold_expired_early_then_tells(run: Run) -> None:
    changed = {row.hold for row in run.rows if row.kind != "hold"}
    held = run.row(lambda row: hour_long(row) and not row.reason and row.id not in changed)
    hold, last = run.rows[held], run.rows[-1]
    assert hold.expires_at is not None
    expiry = last._replace(
        place=(1, last.seq + 1),
        kind="expiry",
        id=f"_expiry:{hold.id}",
        recorded_at=last.recorded_at + 1,
        reason=None,
        chain=None,
        hold=hold.id,
    )
    assert expiry.recorded_at < hold.expires_at
    run.rows.append(expiry)
    assert any("expired early" in each for each in run.judge().problems)


def test_judge_when_a_hold_was_used_after_its_time_then_tells(run: Run) -> None:
    """Its time is up when the next entry of its account is decided, and nothing says so."""
    held = run.row(lambda row: row.content.get("timeout_us") == 2_000_000 and row.reason is None)
    hold = run.rows[held]
    run.rows = [row for row in run.rows if row.id != f"_expiry:{hold.id}"]
    late = 60_000_000
    for place, row in enumerate(run.rows[held + 1 :], start=held + 1):
        run.rows[place] = row._replace(recorded_at=row.recorded_at + late)
    assert any("expired, whose time had come" in each for each in run.judge().problems)


def test_judge_when_a_leg_is_missing_then_tells(run: Run) -> None:
    place = run.row(lambda row: row.kind == "leg" and bool(row.amount))
    leg = run.rows.pop(place)
    assert f"the entry of {leg.id} is not where it must be" in run.judge().problems


def test_judge_when_a_leg_is_of_no_payment_then_tells(run: Run) -> None:
    place = run.row(lambda row: row.kind == "leg")
    run.rows[place] = run.rows[place]._replace(id="_leg:9:nothing")
    assert any("part of nothing that was decided" in each for each in run.judge().problems)


def test_judge_when_a_leg_moves_another_amount_then_tells(run: Run) -> None:
    place = run.row(lambda row: row.kind == "leg" and bool(row.amount))
    run.rows[place] = run.rows[place]._replace(amount=(run.rows[place].amount or 0) + 1)
    assert any(f"({run.rows[place].kind} {run.rows[place].id})" in p for p in run.judge().problems)


def test_judge_when_a_payment_says_other_amounts_then_tells(run: Run) -> None:
    place = run.row(lambda row: row.kind == "payment" and row.reason is None)
    run.rows[place] = run.rows[place]._replace(more=(1, 2, 3, 4, 5))
    report = run.judge()
    assert report.lost
    assert any("says (None, None, None, (1, 2, 3, 4, 5))" in each for each in report.problems)


def test_judge_when_more_is_reversed_than_was_moved_then_tells(run: Run) -> None:
    beyond = run.row(lambda row: row.reason == "EXCEEDS_ORIGINAL" and row.chain is None)
    run.rows[beyond] = run.rows[beyond]._replace(reason=None)
    assert any("the rules say EXCEEDS_ORIGINAL" in each for each in run.judge().problems)


def test_judge_when_a_hold_stays_behind_its_group_then_tells(run: Run) -> None:
    place = run.row(lambda row: row.kind == "group" and row.reason is None)
    group = run.rows[place]
    assert isinstance(group.more, tuple)
    run.rows[place] = group._replace(more=group.more[:-1])
    assert any(f"entry {group.seq} (group {group.id}): says" in p for p in run.judge().problems)
