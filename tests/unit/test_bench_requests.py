"""Requests that are encoded before, and what they ask for."""

import random
from collections import Counter
from itertools import islice, pairwise

import pytest

from yupana.ledger.v1 import ledger_service_pb2 as ledger
from yupana_server.bench.accounts import account, pairs
from yupana_server.bench.loads import Load, Place, Spread, What
from yupana_server.bench.requests import Requests

PLACE = Place("127.0.0.1:1", ("bench-1",), accounts=50, poor_accounts=5)


def requests_of(load: Load, count: int) -> list[ledger.ExecuteRequest]:
    requests = Requests(load, PLACE, "bench-1", random.Random(1))
    return [
        ledger.ExecuteRequest.FromString(each) for each in islice(requests.of_one_caller(), count)
    ]


def kinds(request: ledger.ExecuteRequest) -> Counter[str | None]:
    return Counter(command.WhichOneof("kind") for command in request.commands)


def test_requests_when_templates_are_used_again_then_ids_are_new_and_grow() -> None:
    made = requests_of(Load(size=300, callers=1, pool=2), 7)
    ids = [command.id for request in made for command in request.commands]
    assert len(ids) == 7 * 300
    assert ids == sorted(set(ids))
    assert {len(each) for each in ids} == {36}


def test_requests_when_of_two_callers_then_no_id_is_of_both() -> None:
    requests = Requests(Load(size=5, callers=2, pool=1), PLACE, "bench-1", random.Random(1))
    ids: list[str] = []
    for stream in (requests.of_one_caller(), requests.of_one_caller()):
        for encoded in islice(stream, 3):
            ids += [each.id for each in ledger.ExecuteRequest.FromString(encoded).commands]
    assert len(set(ids)) == len(ids) == 30


def test_requests_when_replays_then_a_tenth_is_of_the_request_before_with_its_content() -> None:
    made = requests_of(Load(size=20, callers=1, what=What.REPLAYS, pool=3), 7)
    replays = []
    for before, request in pairwise(made):
        sent = {command.id: command for command in before.commands}
        again = [command for command in request.commands if command.id in sent]
        assert again == [sent[command.id] for command in again]
        replays.append(len(again))
    # Of three templates the first has nothing before it.
    assert replays == [2, 2, 0, 2, 2, 0]


def test_requests_when_chains_then_threes_are_linked() -> None:
    [request] = requests_of(Load(size=10, callers=1, what=What.CHAINS, pool=1), 1)
    assert [command.linked for command in request.commands] == [True, True, False] * 3


def test_requests_when_holds_then_each_is_captured_by_its_id() -> None:
    [request] = requests_of(Load(size=8, callers=1, what=What.HOLDS, pool=1), 1)
    holds = [each.id for each in request.commands if each.HasField("create_hold")]
    captured = [
        each.capture_hold.hold for each in request.commands if each.HasField("capture_hold")
    ]
    assert holds == captured
    assert len(holds) == 4


def test_requests_when_rejections_then_every_second_debits_who_has_nothing() -> None:
    [request] = requests_of(Load(size=10, callers=1, what=What.REJECTIONS, pool=1), 1)
    poor = [each.create_transfer.debit_account.startswith("poor:") for each in request.commands]
    assert poor == [False, True] * 5


def test_requests_when_mixed_then_all_kinds_are_there() -> None:
    [request] = requests_of(Load(size=100, callers=1, what=What.MIXED, pool=1), 1)
    assert kinds(request) == {"create_transfer": 84, "create_hold": 8, "capture_hold": 8}


def test_requests_when_reads_then_accounts_are_asked_for_once() -> None:
    load = Load(size=20, callers=1, what=What.EVENTUAL_READS, pool=1)
    requests = Requests(load, PLACE, "bench-1", random.Random(1))
    request = ledger.BatchGetAccountsRequest.FromString(next(requests.of_one_caller()))
    assert len(set(request.accounts)) == 20
    assert request.consistency.WhichOneof("level") == "eventual"


@pytest.mark.parametrize("spread", list(Spread))
def test_pairs_when_drawn_then_debit_and_credit_differ(spread: Spread) -> None:
    for debit, credit in islice(pairs(spread, 10, random.Random(1)), 500):
        assert debit != credit


def test_pairs_when_hot_then_one_account_is_in_all_of_them() -> None:
    drawn = list(islice(pairs(Spread.HOT, 100, random.Random(1)), 200))
    assert all(account(0) in pair for pair in drawn)
    assert {pair[0] == account(0) for pair in drawn} == {True, False}


def test_pairs_when_zipf_then_the_first_account_is_chosen_most() -> None:
    drawn = Counter(
        each for pair in islice(pairs(Spread.ZIPF, 1_000, random.Random(1)), 5_000) for each in pair
    )
    assert drawn.most_common(1)[0][0] == account(0)
    assert 0.05 < drawn[account(0)] / drawn.total() < 0.25
