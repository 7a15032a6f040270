"""The checker of feeds notices whatever is wrong with what was told."""

from faults.history.journal import Journal, Row
from faults.history.told import Posted, Told, posted_wrongly, told_wrongly

USERS = ("users:",)


def row(seq: int, account: str) -> Row:
    nothing = dict.fromkeys(Row._fields)
    told = {"place": (1, seq), "id": f"t{seq}", "account": account, "kind": "account"}
    return Row(**{**nothing, **told})


JOURNAL = Journal("b", [row(n, ("users:1", "users:2", "shop")[n % 3]) for n in range(1, 10)], {})
TOLD = [Told(n, f"1-{n}", f"t{n}") for n in range(1, 10)]
POSTED = [
    Posted(told, float(told.seq), True)
    for told, each in zip(TOLD, JOURNAL.rows, strict=True)
    if each.account != "shop"
]


def posted(*posts: Posted, faults: tuple[tuple[float, float], ...] = ()) -> list[str]:
    return list(posted_wrongly(JOURNAL, posts, prefixes=USERS, faults=faults))


def test_told_when_all_is_right_then_nothing_is_found() -> None:
    assert list(told_wrongly(JOURNAL, TOLD)) == []
    assert list(told_wrongly(JOURNAL, TOLD[4:], after=4)) == []
    assert posted(*POSTED) == []


def test_told_when_one_is_missing_or_comes_twice_or_too_early_then_tells() -> None:
    assert list(told_wrongly(JOURNAL, [*TOLD[:3], *TOLD[4:]])) == [
        "a subscriber was told 5 after 3"
    ]
    assert list(told_wrongly(JOURNAL, [*TOLD[:3], *TOLD[2:]])) == [
        "a subscriber was told 3 after 3"
    ]
    turned = [*TOLD[:3], TOLD[4], TOLD[3], *TOLD[5:]]
    assert len(list(told_wrongly(JOURNAL, turned))) == 3
    assert list(told_wrongly(JOURNAL, TOLD[:8])) == ["a subscriber was told nothing beyond 8 of 9"]


def test_told_when_it_is_not_what_is_recorded_then_tells() -> None:
    for other in (TOLD[3]._replace(id="2-4"), TOLD[3]._replace(subject="t5")):
        [problem] = told_wrongly(JOURNAL, [*TOLD[:3], other, *TOLD[4:]])
        assert "was told of entry 4, which is t4" in problem
    beyond = Told(10, "1-10", "t10")
    [problem] = told_wrongly(JOURNAL, [*TOLD, beyond])
    assert "there is no such entry" in problem


def test_posted_when_an_event_never_comes_or_is_never_taken_then_tells() -> None:
    expected = ["1 events never came to be taken, such as [4]"]
    assert posted(*(each for each in POSTED if each.event.seq != 4)) == expected
    refused = [each._replace(taken=each.event.seq != 4) for each in POSTED]
    assert posted(*refused) == expected


def test_posted_when_events_of_an_account_are_turned_then_tells() -> None:
    turned = sorted(POSTED, key=lambda each: {3: 6, 6: 3}.get(each.event.seq, each.event.seq))
    assert posted(*turned) == ["of users:1 3 came for the first time after 6"]
    # Those of different accounts need not wait for each other.
    apart = sorted(POSTED, key=lambda each: {3: 4, 4: 3}.get(each.event.seq, each.event.seq))
    assert posted(*apart) == []


def test_posted_when_an_event_comes_again_then_tells_unless_something_had_gone_wrong() -> None:
    first = POSTED[0]
    again = first._replace(at=9.5)
    [problem] = posted(*POSTED, again)
    assert "came again, and nothing had gone wrong" in problem
    assert posted(*POSTED, again, faults=((4.0, 5.0),)) == []
    assert posted(first._replace(taken=False), *POSTED) == []
