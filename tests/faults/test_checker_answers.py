"""The checker notices whatever is wrong with answers: each test spoils some of an honest run."""

import pytest
from faults.history.log import Read
from faults.history.spoilt import Run, changed, new, seq, strong
from grpc import StatusCode

from yupana import CallError, DeadlineExceeded, Overloaded, Unavailable
from yupana_server.messages.tokens import Position


def test_judge_when_an_outcome_changes_then_tells(run: Run) -> None:
    place = run.call(lambda call: any(o.replayed and o.amount for o in call.outcomes))
    call = run.calls[place]
    other = [o if not o.replayed else changed(o, amount=(o.amount or 0) + 1) for o in call.outcomes]
    run.calls[place] = call._replace(outcomes=other)
    report = run.judge()
    assert report.lost
    assert report.doubled


def test_judge_when_an_outcome_is_said_to_stand_elsewhere_then_tells(run: Run) -> None:
    places = [n for n, call in enumerate(run.calls) if new(call)]
    one, other = places[len(places) // 2], places[len(places) // 2 + 1]
    position = run.calls[other].outcomes[0].position
    first, *rest = run.calls[one].outcomes
    run.calls[one] = run.calls[one]._replace(outcomes=[changed(first, position=position), *rest])
    assert run.judge().lost == 1


def test_judge_when_two_calls_say_they_did_it_then_tells(run: Run) -> None:
    place = run.call(lambda call: any(o.replayed for o in call.outcomes))
    call = run.calls[place]
    run.calls[place] = call._replace(outcomes=[changed(o, replayed=False) for o in call.outcomes])
    assert run.judge().doubled


def test_judge_when_reuse_is_answered_with_an_outcome_then_tells(run: Run) -> None:
    place = run.call(lambda call: any(o.refused for o in call.outcomes))
    [refused] = run.calls[place].outcomes
    recorded = run.ids[refused.id]
    told = next(
        outcome
        for call in run.calls
        for outcome in call.outcomes
        if outcome.id == refused.id and outcome.position
    )
    run.calls[place] = run.calls[place]._replace(outcomes=[changed(told, replayed=True)])
    problem = f"{refused.id} was answered although entry {recorded} is something else"
    assert problem in run.judge().problems


def test_judge_when_reuse_is_told_too_early_then_tells_unless_the_tail_was_lost(run: Run) -> None:
    place = run.call(lambda call: any(o.refused for o in call.outcomes))
    began = min(call.began for call in run.calls) - 1
    run.calls[place] = run.calls[place]._replace(began=began, ended=began)
    assert any("was asked for after" in problem for problem in run.judge().problems)
    # All that is in this journal came after the cut: the id may have been used before it as well.
    assert run.judge(Position(0, 0)).good


def test_judge_when_reads_are_reordered_then_tells(run: Run) -> None:
    """Both show what the journal gives at their points: only the clock speaks against them."""
    reads = [n for n, call in enumerate(run.calls) if strong(call)]
    pairs = [(a, b) for a in reads for b in reads if run.calls[a].ended < run.calls[b].began]
    one, other = next((a, b) for a, b in pairs if seq(run.calls[a]) < seq(run.calls[b]))
    first, second = run.calls[one], run.calls[other]
    times = {"began": first.began, "ended": first.ended}
    run.calls[one] = second._replace(**times)
    run.calls[other] = first._replace(began=second.began, ended=second.ended)
    assert run.judge().wrong_reads


def test_judge_when_a_read_shows_another_moment_then_tells(run: Run) -> None:
    place = run.call(lambda call: strong(call) and len(call.balances or {}) > 1)
    call = run.calls[place]
    balances = dict(call.balances or {})
    name = next(iter(name for name, totals in balances.items() if totals))
    balances[name] = (0, 0, 0, 12345)
    run.calls[place] = call._replace(balances=balances)
    assert run.judge().wrong_reads == 1


def test_judge_when_a_read_does_not_wait_for_its_position_then_tells(run: Run) -> None:
    place = run.call(strong)
    last = next(call for call in reversed(run.calls) if strong(call))
    call = run.calls[place]
    assert isinstance(call.request, Read)
    assert seq(last) > seq(call)
    read = call.request._replace(at_least=last.position)
    run.calls[place] = call._replace(request=read)
    assert run.judge().wrong_reads == 1


def test_judge_when_something_is_recorded_before_it_was_asked_for_then_tells(run: Run) -> None:
    place = run.call(lambda call: new(call) and len(run.calls_of(call.commands[0].id)) == 1)
    later = run.calls[-1].ended + 1
    run.calls[place] = run.calls[place]._replace(began=later, ended=later + 1)
    problems = run.judge().problems
    assert any("is recorded at" in each and "was asked for after" in each for each in problems)
    assert any("is told as new at" in each for each in problems)


@pytest.mark.parametrize("error", [Unavailable, Overloaded])
def test_judge_when_what_was_recorded_was_denied_then_tells(
    run: Run, error: type[CallError]
) -> None:
    place = run.call(lambda call: new(call) and len(run.calls_of(call.commands[0].id)) == 1)
    id_ = run.calls[place].commands[0].id
    run.calls[place] = run.calls[place]._replace(
        outcomes=(), error=error("no", StatusCode.UNAVAILABLE)
    )
    report = run.judge()
    assert f"entry {run.ids[id_]} records {id_}, which callers were told is not" in report.problems
    assert report.unanswered


def test_judge_when_nobody_was_told_an_outcome_then_tells(run: Run) -> None:
    place = run.call(lambda call: new(call) and len(run.calls_of(call.commands[0].id)) == 1)
    call = run.calls[place]
    run.calls[place] = call._replace(
        outcomes=(), error=DeadlineExceeded("late", StatusCode.DEADLINE_EXCEEDED)
    )
    report = run.judge()
    assert report.unanswered >= 1
    assert len(report.problems) == 1
    assert "have no answer" in report.problems[0]
