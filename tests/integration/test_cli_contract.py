"""The commands for holds, payments, reversals, limits, periods and history against a ledger."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from support.cli import Answer, Run, make_run, make_shop
from support.processes import LedgerProcess

WALLET = "users:1:wallet"


@pytest.fixture
def run(
    ledger: LedgerProcess, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    return make_run(ledger.address, monkeypatch, capsys)


@pytest.fixture
def shop(run: Run) -> str:
    """A book as `make_shop` makes it, with 1,000 in the wallet, and an account `sales`."""
    name = make_shop(run)
    assert run("account", "open", name, "sales", "--asset", "USD").code == 0
    assert run("transfer", "create", name, "world", WALLET, 1000, "--id", "top-up").code == 0
    return name


def good(answer: Answer) -> Answer:
    assert answer.code == 0, answer.output + answer.errors
    return answer


def available(run: Run, shop: str) -> str:
    return good(run("account", "get", shop, WALLET, "--json")).json["available"]


def test_hold_when_captured_in_parts_then_the_rest_is_released(run: Run, shop: str) -> None:
    create = ("hold", "create", shop, WALLET, "sales", 500, "--id", "cart-7")
    created = good(run(*create, "--expires-after", "15m", "--json")).json
    assert (created["id"], created["outcome"], created["amount"]) == ("cart-7", "created", "500")
    assert created["expire_time"].endswith("Z")
    assert available(run, shop) == "500"
    shown = good(run("account", "get", shop, WALLET)).output
    assert "debits pending" in shown

    part = good(run("hold", "capture", shop, "cart-7", 200, "--id", "part")).output
    assert "captured" in part
    assert "300" in part
    final = good(run("hold", "capture", shop, "cart-7", 100, "--final", "--json")).json
    assert (final["outcome"], final["amount"], final["remaining"]) == ("captured", "100", "0")
    assert available(run, shop) == "700"

    again = run("hold", "capture", shop, "cart-7", "--json")
    assert again.code == 1
    assert (again.json["outcome"], again.json["reason"]) == ("rejected", "HOLD_CLOSED")
    found = good(run("transfer", "get", shop, "part", "--json")).json
    assert (found["kind"], found["hold"], found["amount"]) == ("capture", "cart-7", "200")


def test_hold_when_updated_and_released_then_all_is_given_back(run: Run, shop: str) -> None:
    good(run("hold", "create", shop, WALLET, "sales", 500, "--id", "cart-8"))
    updated = good(
        run("hold", "update", shop, "cart-8", "--amount", 900, "--expires-at", "2999-01-01")
    ).output
    assert "900" in updated
    assert "2999-01-01 00:00:00Z" in updated
    never = good(run("hold", "update", shop, "cart-8", "--never-expires", "--json")).json
    assert (never["remaining"], never["expire_time"]) == ("900", None)
    released = good(run("hold", "release", shop, "cart-8", "--id", "free")).output
    assert "given back" in released
    assert "released (replayed)" in run("hold", "release", shop, "cart-8", "--id", "free").output
    assert available(run, shop) == "1000"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            ("--expires-at", "2999-01-01", "--expires-after", "1h"),
            "--expires-at and --expires-after: a hold has one deadline",
        ),
        (("--expires-after", "soon"), "write 90s, 15m, 24h or 7d"),
        (("--expires-at", "soon"), "'soon' is not a time"),
    ],
)
def test_hold_when_its_deadline_is_wrong_then_it_is_told(
    run: Run, options: Sequence[str], told: str
) -> None:
    answer = run("hold", "create", "shop", WALLET, "sales", 5, *options)
    assert answer.code == 2
    assert told in answer.wrong
    assert run("hold", "update", "shop", "h", "--never-expires", *options).code == 2


def test_hold_when_its_time_has_passed_then_it_is_refused(run: Run, shop: str) -> None:
    past = ("--expires-at", "2020-01-01")
    answer = run("hold", "create", shop, WALLET, "sales", 5, *past, "--json")
    assert answer.code == 1
    assert (answer.json["outcome"], answer.json["reason"]) == ("refused", "EXPIRE_TIME_IN_PAST")


def test_group_when_resolved_then_every_hold_is_told(run: Run, shop: str) -> None:
    for name, amount in (("line-1", 30), ("line-2", 20)):
        create = ("hold", "create", shop, WALLET, "sales", amount, "--id", name)
        good(run(*create, "--group", "order-7"))
    resolved = good(run("hold", "resolve", shop, "order-7", "capture", "--json")).json
    assert resolved["holds"] == [
        {"hold": "line-1", "amount": "30"},
        {"hold": "line-2", "amount": "20"},
    ]
    empty = run("hold", "resolve", shop, "order-7", "release")
    assert empty.code == 1
    assert "rejected: GROUP_EMPTY" in empty.output


def test_hold_when_it_is_read_then_it_is_shown_as_it_stands(run: Run, shop: str) -> None:
    create = ("hold", "create", shop, WALLET, "sales", 500, "--id", "cart-9")
    good(run(*create, "--group", "order-9", "--expires-after", "1h"))
    good(run("hold", "capture", shop, "cart-9", 200))
    hold = good(run("hold", "get", shop, "cart-9", "--json")).json
    assert (hold["debit"], hold["credit"], hold["asset"]) == (WALLET, "sales", "USD")
    assert (hold["captured_amount"], hold["remaining_amount"]) == ("200", "300")
    assert (hold["state"], hold["group"]) == ("open", "order-9")
    assert "order-9" in good(run("hold", "get", shop, "cart-9")).output

    missing = run("hold", "get", shop, "nothing", "--json")
    assert missing.code == 1
    assert json.loads(missing.errors)["error"]["reason"] == "HOLD_NOT_FOUND"


def test_holds_when_listed_then_the_open_ones_of_the_account_are_shown(run: Run, shop: str) -> None:
    for name in ("cart-1", "cart-2"):
        good(run("hold", "create", shop, WALLET, "sales", 5, "--id", name))
    good(run("hold", "release", shop, "cart-1"))
    listed = good(run("hold", "list", shop, "--account", WALLET, "--json")).json
    assert [hold["id"] for hold in listed] == ["cart-2"]
    assert "cart-2" in good(run("hold", "list", shop)).output
    assert "no expired holds" in good(run("hold", "list", shop, "--expired")).output


def test_transfer_when_up_to_and_described_then_all_of_it_is_kept(run: Run, shop: str) -> None:
    create = ("transfer", "create", shop, WALLET, "sales", 5000, "--id", "sweep")
    words = ("--code", "sale", "--description", "a lamp", "--reference", "R-7", "--label", "k=v")
    moved = good(run(*create, *words, "--up-to", "debit_limits", "--json")).json
    assert moved["amount"] == "1000"
    found = good(run("transfer", "get", shop, "sweep", "--json")).json
    assert (found["amount"], found["kind"], found["code"]) == ("5000", "transfer", "sale")
    assert (found["description"], found["reference"]) == ("a lamp", "R-7")
    assert found["debit_balances"]["balance"] == "0"
    shown = good(run("transfer", "get", shop, "sweep")).output
    for text in ("5000 USD", "a lamp", "R-7", "sale", "1000"):
        assert text in shown


def test_transfer_when_a_condition_fails_then_it_is_told(run: Run, shop: str) -> None:
    create = ("transfer", "create", shop, WALLET, "sales", 600)
    rejected = run(*create, "--if", "debit.available >= 500", "--json")
    assert rejected.code == 1
    assert rejected.json["reason"] == "CONDITION_FAILED"
    assert rejected.json["facts"]["actual"] == "400"
    position = good(run("account", "get", shop, WALLET, "--json")).json["last_position"]
    unchanged = ("--if", f"debit.last_position == {position}")
    good(run(*create, *unchanged, "--if", "credit.balance<=600"))
    changed = run(*create, *unchanged)
    assert changed.code == 1
    assert "rejected: POSITION_CHANGED" in changed.output


def test_transfer_when_reversed_then_never_more_than_it_was(run: Run, shop: str) -> None:
    good(run("transfer", "create", shop, WALLET, "sales", 600, "--id", "order"))
    part = good(run("transfer", "reverse", shop, "order", 200, "--id", "refund")).output
    assert "moved back so far" in part
    rest = good(run("transfer", "reverse", shop, "order", "--json")).json
    assert (rest["outcome"], rest["amount"], rest["reversed_amount"]) == ("reversed", "400", "600")
    more = run("transfer", "reverse", shop, "order", 1)
    assert more.code == 1
    assert "rejected: EXCEEDS_ORIGINAL" in more.output
    assert good(run("transfer", "get", shop, "order", "--json")).json["reversed_amount"] == "600"
    assert good(run("transfer", "get", shop, "refund", "--json")).json["reverses"] == "order"


def test_transfer_when_reversal_is_forced_then_limits_are_ignored(run: Run, shop: str) -> None:
    good(run("transfer", "create", shop, "sales", WALLET, 10, "--id", "gift"))
    good(run("transfer", "create", shop, WALLET, "sales", 1010))
    assert run("transfer", "reverse", shop, "gift").code == 1
    good(run("transfer", "reverse", shop, "gift", "--force"))
    assert available(run, shop) == "-10"


def test_payment_when_its_legs_are_given_then_each_moves(run: Run, shop: str) -> None:
    legs = ("--leg", f"{WALLET} sales 400", "--leg", f"{WALLET} world 50")
    paid = good(run("payment", "create", shop, *legs, "--id", "p-1", "--json")).json
    assert (paid["outcome"], paid["leg_amounts"]) == ("posted", ["400", "50"])
    assert "400, 50" in run("payment", "create", shop, *legs, "--id", "p-1").output
    leg = good(run("transfer", "get", shop, "_leg:2:p-1", "--json")).json
    assert (leg["kind"], leg["payment"]) == ("leg", "p-1")
    failed = run("payment", "create", shop, "--leg", f"{WALLET} sales 5000", "--json")
    assert failed.code == 1
    assert (failed.json["reason"], failed.json["facts"]["leg"]) == ("BELOW_MIN_BALANCE", "1")


def test_payment_when_it_collects_then_what_is_missing_is_taken(
    run: Run, shop: str, tmp_path: Path
) -> None:
    opened = run("account", "open", shop, "gifts:1", "--asset", "USD", "--min-balance", 0)
    assert opened.code == 0
    good(run("transfer", "create", shop, "world", "gifts:1", 30))
    file = tmp_path / "legs.json"
    legs = [
        {"debit": account, "credit": "sales", "collect": True} for account in ("gifts:1", WALLET)
    ]
    file.write_text(json.dumps(legs))
    collect = ("payment", "create", shop, "--file", file, "--collect-amount", 100)
    paid = good(run(*collect, "--json")).json
    assert paid["leg_amounts"] == ["30", "70"]
    as_legs = ("--leg", "gifts:1 sales collect", "--leg", f"{WALLET} sales collect")
    much = ("payment", "create", shop, *as_legs, "--collect-amount", 2000)
    assert "rejected: COLLECTED_TOO_LITTLE" in run(*much).output
    assert good(run(*much, "--collect-partially", "--json")).json["leg_amounts"] == ["0", "930"]


def test_payment_when_legs_are_missing_or_wrong_then_it_is_told(run: Run, tmp_path: Path) -> None:
    none = run("payment", "create", "shop")
    assert none.code == 2
    assert "--leg and --file: give the legs" in none.wrong
    assert "write 'debit credit amount'" in run("payment", "create", "shop", "--leg", "a b").wrong
    file = tmp_path / "legs.json"
    file.write_text("[{}]")
    wrong = run("payment", "create", "shop", "--file", file)
    assert (wrong.code, wrong.errors) == (1, f"yupana: {file}, leg 1: debit is missing\n")
    missing = run("payment", "create", "shop", "--file", tmp_path / "no.json")
    assert "check the path" in missing.errors


def test_limits_when_set_then_they_are_shown_with_what_is_used(run: Run, shop: str) -> None:
    limits = ("account", "limits", shop, WALLET, "--min-balance")
    windows = (
        "--window", "debit.amount <= 500 per 24h", "--window", "debit.count <= 1 per 1h",
    )  # fmt: skip
    answer = good(run(*limits, 2000, "--max-balance", 3000, *windows, "--json")).json
    assert (answer["outcome"], answer["below_min_balance"]) == ("set", True)
    assert answer["windows_exceeded"] == [False, False]
    assert "below its new floor" in run(*limits, 2000, "--max-balance", "none", *windows).output
    good(run(*limits, -100, "--max-balance", "none", *windows))
    good(run("transfer", "create", shop, WALLET, "sales", 300))

    account = good(run("account", "get", shop, WALLET, "--json")).json
    assert (account["min_balance"], account["max_balance"]) == ("-100", None)
    assert account["windows"] == [
        {"side": "debit", "measure": "amount", "length_s": 86400, "max": "500", "used": "300"},
        {"side": "debit", "measure": "count", "length_s": 3600, "max": "1", "used": "1"},
    ]
    shown = good(run("account", "get", shop, WALLET)).output
    assert "debit.amount <= 500 per 1d, 300 used" in shown
    assert "debit.count <= 1 per 1h, 1 used" in shown
    again = run("transfer", "create", shop, WALLET, "sales", 1)
    assert "rejected: WINDOW_EXCEEDED" in again.output

    good(run(*limits, "none", "--max-balance", "none", "--window", "none"))
    account = good(run("account", "get", shop, WALLET, "--json")).json
    assert (account["min_balance"], account["windows"]) == (None, [])


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--min-balance", 0, "--max-balance", "none"), "Missing option '--window'"),
        (("--max-balance", "none", "--window", "none"), "Missing option '--min-balance'"),
        (
            ("--min-balance", "low", "--max-balance", "none", "--window", "none"),
            "--min-balance: low is no limit",
        ),
        (
            ("--min-balance", 0, "--max-balance", "none", "--window", "5 a day"),
            "--window: 5 a day is no window",
        ),
    ],
)
def test_limits_when_one_is_missing_or_wrong_then_it_is_told(
    run: Run, options: Sequence[object], told: str
) -> None:
    answer = run("account", "limits", "shop", WALLET, *options)
    assert answer.code == 2
    assert told in answer.wrong


def test_account_when_frozen_then_it_is_shown_and_thaws(run: Run, shop: str) -> None:
    freeze = ("account", "freeze", shop, WALLET)
    assert "Missing option" in run(*freeze, "--debits").wrong
    good(run(*freeze, "--debits", "--no-credits"))
    assert "rejected: ACCOUNT_FROZEN" in run("transfer", "create", shop, WALLET, "sales", 1).output
    good(run("transfer", "create", shop, "sales", WALLET, 1))
    assert "debits frozen" in good(run("account", "get", shop, WALLET)).output
    good(run(*freeze, "--debits", "--credits"))
    assert "debits and credits frozen" in good(run("account", "list", shop)).output
    good(run(*freeze, "--no-debits", "--no-credits"))
    good(run("transfer", "create", shop, WALLET, "sales", 1))


def test_account_when_closed_then_it_can_be_reopened(run: Run, shop: str) -> None:
    good(run("hold", "create", shop, WALLET, "sales", 5, "--id", "open"))
    assert "rejected: HOLDS_OPEN" in run("account", "close", shop, WALLET).output
    good(run("hold", "release", shop, "open"))
    closed = good(run("account", "close", shop, WALLET, "--json")).json
    assert closed["outcome"] == "closed"
    assert good(run("account", "get", shop, WALLET, "--json")).json["closed"] is True
    assert "closed" in good(run("account", "get", shop, WALLET)).output
    assert "rejected: ACCOUNT_CLOSED" in run("transfer", "create", shop, "world", WALLET, 1).output
    good(run("account", "reopen", shop, WALLET))
    good(run("transfer", "create", shop, "world", WALLET, 1))


def test_account_when_opened_with_all_there_is_then_all_of_it_is_shown(run: Run, shop: str) -> None:
    options = ("--asset", "USD", "--code", "wallet", "--label", "tier=gold")
    window = ("--window", "credit.count <= 9 per 1d")
    good(run("account", "open", shop, "users:2:wallet", *options, *window))
    account = good(run("account", "get", shop, "users:2:wallet", "--json")).json
    assert (account["code"], account["labels"]) == ("wallet", {"tier": "gold"})
    shown = good(run("account", "get", shop, "users:2:wallet")).output
    for text in ("wallet", "tier=gold", "credit.count <= 9 per 1d, 0 used"):
        assert text in shown
    other = run("account", "open", shop, "users:2:wallet", "--asset", "USD")
    assert "credit.count <= 9 per 1d, code wallet" in other.errors


def test_account_when_read_as_of_a_moment_then_it_is_as_it_was(run: Run, shop: str) -> None:
    past = ("--effective-time", "2026-01-15")
    moved = good(run("transfer", "create", shop, WALLET, "sales", 1, *past, "--json")).json
    good(run("transfer", "create", shop, WALLET, "sales", 100))
    get = ("account", "get", shop, WALLET, "--json", "--as-of")
    assert good(run(*get, moved["record_time"])).json["balance"] == "999"
    assert good(run(*get, moved["position"])).json["balance"] == "999"
    assert good(run(*get, "2026-01-15", "--effective")).json["balance"] == "-1"
    before = run(*get, "2020-01-01")
    assert before.code == 1
    assert "was not open then" in json.loads(before.errors)["error"]["message"]
    assert "--effective needs one" in run(*get, moved["position"], "--effective").wrong
    assert "give --as-of too" in run("account", "get", shop, WALLET, "--effective").wrong


def test_period_when_closed_then_the_past_is_rejected(run: Run, shop: str) -> None:
    close = ("book", "close-period", shop)
    assert good(run(*close, "2026-01-01", "--json")).json["outcome"] == "closed"
    past = ("--effective-time", "2025-12-31")
    rejected = run("transfer", "create", shop, WALLET, "sales", 1, *past)
    assert "rejected: PERIOD_CLOSED" in rejected.output
    assert run(*close, "2025-01-01").code == 1
    future = run(*close, "2999-01-01")
    assert "refused: EFFECTIVE_TIME_IN_FUTURE" in future.output
    assert "is not a time" in run(*close, "soon").wrong


def test_erase_when_words_are_there_then_they_are_gone_for_good(run: Run, shop: str) -> None:
    words = ("--description", "for Ann", "--reference", "R-7", "--label", "name=ann")
    create = ("transfer", "create", shop, WALLET, "sales", 1, "--id", "private", *words)
    good(run(*create))
    assert good(run("erase", shop, "private", "--json")).json["outcome"] == "erased"
    found = good(run("transfer", "get", shop, "private", "--json")).json
    assert (found["labels"], found["description"], found["reference"]) == ({}, "", "")
    assert "posted (replayed)" in good(run(*create)).output
    unknown = run("erase", shop, "unknown")
    assert unknown.code == 1
    assert "rejected: TARGET_NOT_FOUND" in unknown.output


def test_statement_when_shown_then_opening_and_closing_stand_around_the_lines(
    run: Run, shop: str
) -> None:
    middle = good(run("transfer", "create", shop, WALLET, "sales", 100, "--id", "s-1", "--json"))
    good(run("hold", "create", shop, WALLET, "sales", 50, "--id", "s-2"))
    statement = ("account", "statement", shop, WALLET)
    whole = good(run(*statement, "--json")).json
    assert whole["opening"]["balance"] == "0"
    assert [line["transfer"]["id"] for line in whole["lines"]] == ["top-up", "s-1", "s-2"]
    assert [line["change"] for line in whole["lines"]] == ["1000", "-100", "0"]
    assert [line["balances"]["available"] for line in whole["lines"]] == ["1000", "900", "850"]
    assert (whole["closing"]["balance"], whole["closing"]["available"]) == ("900", "850")

    late = good(run(*statement, "--since", middle.json["record_time"], "--json")).json
    assert late["opening"]["balance"] == "1000"
    assert [line["transfer"]["id"] for line in late["lines"]] == ["s-1", "s-2"]
    early = good(run(*statement, "--before", middle.json["record_time"], "--json")).json
    assert [line["transfer"]["id"] for line in early["lines"]] == ["top-up"]
    assert early["closing"]["balance"] == "1000"
    cut = run(*statement, "--limit", 1, "--json")
    assert (len(cut.json["lines"]), cut.json["closing"]["balance"]) == (1, "1000")
    assert "--limit" in cut.errors

    shown = good(run(*statement)).output
    for text in ("opening", "closing", "+1000", "-100", "sales", "world"):
        assert text in shown
    missing = run("account", "statement", shop, "nobody")
    assert missing.code == 1
    assert "nobody" in missing.errors


def test_statement_when_by_effective_time_then_lines_are_in_that_order(run: Run, shop: str) -> None:
    past = ("--effective-time", "2026-01-15", "--id", "late")
    good(run("transfer", "create", shop, WALLET, "sales", 100, *past))
    statement = ("account", "statement", shop, WALLET, "--effective")
    lines = good(run(*statement, "--json")).json["lines"]
    assert [line["transfer"]["id"] for line in lines] == ["late", "top-up"]
    assert [line["balances"]["balance"] for line in lines] == ["-100", "900"]
    assert "2026-01-15" in good(run(*statement)).output


def test_sums_when_of_a_prefix_then_each_asset_is_summed(run: Run, shop: str) -> None:
    for account, asset in (("users:1:points", "EUR"), ("users:10:wallet", "USD")):
        good(run("account", "open", shop, account, "--asset", asset))
    good(run("transfer", "create", shop, "world", "users:10:wallet", 7))
    sums = good(run("book", "sums", shop, "users:1", "--json")).json
    assert [(each["asset"], each["accounts"]) for each in sums] == [("EUR", 1), ("USD", 1)]
    assert sums[1]["balances"]["balance"] == "1000"
    whole = good(run("book", "sums", shop, "--json")).json
    assert [each["balances"]["balance"] for each in whole] == ["0", "0"]
    assert "10.00" in good(run("book", "sums", shop, "users:1")).output


def test_transfers_when_filtered_then_only_those_are_listed(run: Run, shop: str) -> None:
    create = ("transfer", "create", shop, WALLET, "sales")
    tagged = ("--code", "sale", "--label", "k=v")
    first = good(run(*create, 1, "--id", "f-1", *tagged, "--json")).json
    assert run(*create, 5000, "--id", "f-2").code == 1
    assert run(*create, 1, "--id", "f-3", "--if", "debit.balance <= 0").code == 1
    good(run("hold", "create", shop, WALLET, "sales", 1, "--id", "f-4", "--group", "g"))

    def listed(*options: object) -> list[str]:
        answer = good(run("transfer", "list", shop, *options, "--json"))
        return [each["id"] for each in answer.json]

    assert listed("--prefix", "users:") == ["f-4", "f-1", "top-up"]
    assert listed("--code", "sale") == ["f-1"]
    assert listed("--label", "k=v") == ["f-1"]
    assert listed("--group", "g") == ["f-4"]
    assert listed("--rejected") == ["f-3", "f-2"]
    assert listed("--reason", "condition_failed") == ["f-3"]
    assert listed("--since", first["record_time"]) == ["f-4", "f-3", "f-2", "f-1"]
    assert listed("--account", WALLET, "--before", first["record_time"]) == ["top-up"]
    both = run("transfer", "list", shop, "--code", "sale", "--group", "g")
    assert both.code == 1
    assert "is no reason, such as" in run("transfer", "list", shop, "--reason", "X").wrong
    assert "KEY=VALUE" in run("transfer", "list", shop, "--label", "k").wrong


def test_accounts_when_filtered_then_only_those_are_listed(run: Run, shop: str) -> None:
    options = ("--asset", "USD", "--code", "wallet", "--label", "tier=gold")
    good(run("account", "open", shop, "users:3:wallet", *options))

    def listed(*options: object) -> list[str]:
        answer = good(run("account", "list", shop, *options, "--json"))
        return [each["id"] for each in answer.json]

    assert listed("--code", "wallet") == ["users:3:wallet"]
    assert listed("--label", "tier=gold") == ["users:3:wallet"]
    assert listed("--prefix", "users:", "--label", "tier=gold") == ["users:3:wallet"]
    assert listed("--label", "tier=silver") == []


@pytest.mark.parametrize(
    "command",
    [
        ("hold", "create", "shop", "a", "b", 5),
        ("hold", "capture", "shop", "h"),
        ("hold", "release", "shop", "h"),
        ("hold", "update", "shop", "h", "--amount", 5),
        ("hold", "resolve", "shop", "g", "release"),
        ("transfer", "reverse", "shop", "t"),
        ("payment", "create", "shop", "--leg", "a b 5"),
        ("account", "freeze", "shop", "a", "--debits", "--credits"),
        ("account", "close", "shop", "a"),
        ("account", "reopen", "shop", "a"),
        ("book", "close-period", "shop", "2026-01-01"),
        ("erase", "shop", "t"),
    ],
    ids=lambda words: "-".join(map(str, words[:2])),
)
def test_command_when_the_book_does_not_exist_then_exit_1_and_one_line(
    run: Run, command: Sequence[object]
) -> None:
    book = [word if word != "shop" else "nowhere" for word in command]
    answer = run(*book)
    assert (answer.code, answer.output) == (1, "")
    assert answer.errors == "yupana: there is no book nowhere: create it first\n"
