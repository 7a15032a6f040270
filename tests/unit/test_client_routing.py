from collections import Counter

import pytest

from yupana.routing import LONGEST_REST_S, Health, rendezvous
from yupana.servers import Servers, Transport

ADDRESSES = ["a:1", "b:1", "c:1"]
SENT_TO = {"shop": "b:1", "bank": "a:1", "stock": "b:1", "lisbon": "a:1", "tickets": "c:1"}
BOOKS = [f"book-{number}" for number in range(3000)]


def test_rendezvous_is_the_same_for_any_order_of_addresses() -> None:
    for book in BOOKS[:50]:
        assert rendezvous(book, ADDRESSES) == rendezvous(book, reversed(ADDRESSES))


def test_rendezvous_is_stable_across_releases() -> None:
    # Written down: a change would send every book to another server during a roll-out.
    assert {book: rendezvous(book, ADDRESSES)[0] for book in SENT_TO} == SENT_TO


def test_rendezvous_spreads_books_evenly() -> None:
    counts = Counter(rendezvous(book, ADDRESSES)[0] for book in BOOKS)

    assert all(900 < counts[address] < 1100 for address in ADDRESSES)


def test_rendezvous_when_a_server_leaves_then_only_its_books_move() -> None:
    for book in BOOKS[:300]:
        order = rendezvous(book, ADDRESSES)
        assert rendezvous(book, [each for each in ADDRESSES if each != "c:1"]) == [
            each for each in order if each != "c:1"
        ]


def test_health_when_it_fails_then_rests_and_admits_one_probe() -> None:
    health = Health()
    assert health.admits(0.0)

    health.fail(10.0, None)

    assert not health.admits(10.05)
    assert health.admits(10.11)
    assert not health.admits(10.12)  # the probe is under way


def test_health_when_calls_fail_together_then_counts_one_failure() -> None:
    health = Health()

    for _ in range(100):
        health.fail(10.0, None)

    assert health.rest_left_s(10.0) == pytest.approx(0.1)


def test_health_when_probes_fail_then_rests_grow_to_the_bound() -> None:
    health, now, rests = Health(), 0.0, []

    for _ in range(8):
        health.fail(now, None)
        rests.append(round(health.rest_left_s(now), 3))
        now += rests[-1]
        assert health.admits(now)

    assert rests == [0.1, 0.2, 0.4, 0.8, 1.6, LONGEST_REST_S, LONGEST_REST_S, LONGEST_REST_S]


def test_health_when_server_names_a_wait_then_rests_as_long() -> None:
    health = Health()

    health.fail(10.0, 3.0)

    assert not health.admits(12.9)
    assert health.admits(13.0)


def test_health_when_an_answer_comes_then_is_well_again() -> None:
    health = Health()
    health.fail(10.0, None)

    health.succeed(sent_at_s=9.0)  # an answer to a call from before the failure proves nothing
    assert not health.admits(10.0)
    health.succeed(sent_at_s=10.2)
    assert health.admits(10.2)
    assert health.admits(10.2)


def test_servers_when_the_preferred_one_rests_then_the_next_takes_over() -> None:
    servers = Servers(ADDRESSES, Transport())
    first, second, _ = rendezvous("shop", ADDRESSES)
    preferred, _ = servers.choose("shop", 0.0)
    assert preferred.address == first

    preferred.health.fail(0.0, None)
    following, wait_s = servers.choose("shop", 0.0)
    assert (following.address, wait_s) == (second, 0.0)

    following.health.fail(0.0, 1.0)
    servers.choose("shop", 0.0)[0].health.fail(0.0, 2.0)
    soonest, wait_s = servers.choose("shop", 0.05)
    assert (soonest.address, wait_s) == (first, pytest.approx(0.05))
    assert servers.choose("shop", 0.1)[0].address == first


@pytest.mark.parametrize("addresses", [[], ["a:1", "a:1"]])
def test_servers_when_addresses_are_missing_or_twice_then_says_so(addresses: list[str]) -> None:
    with pytest.raises(ValueError, match="at least one, none twice"):
        Servers(addresses, Transport())
