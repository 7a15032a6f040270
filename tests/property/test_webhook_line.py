"""The line of an endpoint's deliveries against a plain reading of its rules."""

from hypothesis import given
from hypothesis import strategies as st

from yupana_server.feed.webhooks.ordering import EVERYTHING, Line, Waiting

KEYS = st.one_of(
    st.just((EVERYTHING,)),
    st.lists(st.sampled_from("abcd"), unique=True, max_size=2).map(tuple),
)


def may_go(
    waiting: list[Waiting], taken: set[tuple[int, int]], now_s: float
) -> set[tuple[int, int]]:
    """Those that are due and that nothing before them holds up."""
    found, before = set(), []
    for each in waiting:
        held = any(EVERYTHING in other.keys or set(other.keys) & set(each.keys) for other in before)
        if EVERYTHING in each.keys and before:
            held = True
        if not held and each.place not in taken and each.due_at_s <= now_s:
            found.add(each.place)
        before.append(each)
    return found


@given(st.lists(KEYS, max_size=25), st.randoms(use_true_random=False))
def test_line_when_deliveries_end_in_any_order_then_only_what_may_go_goes(
    keys: list[tuple[str, ...]], random: object
) -> None:
    line, now_s = Line(), 0.0
    waiting = [Waiting(1, seq, each, 0.0) for seq, each in enumerate(keys)]
    late = waiting[len(waiting) // 2 :]
    for each in waiting[: len(waiting) // 2]:
        line.add(each)
    known = waiting[: len(waiting) // 2]
    under_way: dict[tuple[int, int], Waiting] = {}
    while known or late:
        if late and random.random() < 0.3:  # type: ignore[attr-defined]
            known.append(late[0])
            line.add(late.pop(0))
        expected = may_go(known, set(under_way), now_s)
        while (taken := line.take(now_s)) is not None:
            under_way[taken.place] = taken
            expected.remove(taken.place)
        assert not expected
        assert len(line) == len(known)
        if not under_way:
            due_s = line.next_due_s()
            now_s = now_s if due_s is None else max(now_s, due_s)
            continue
        ended = under_way.pop(random.choice(sorted(under_way)))  # type: ignore[attr-defined]
        if random.random() < 0.4:  # type: ignore[attr-defined]
            again = ended._replace(due_at_s=now_s + 1, attempts=ended.attempts + 1)
            line.put_back(again)
            known[[each.place for each in known].index(ended.place)] = again
        else:
            line.finish(ended)
            known = [each for each in known if each.place != ended.place]
    assert len(line) == 0
    assert line.next_due_s() is None
