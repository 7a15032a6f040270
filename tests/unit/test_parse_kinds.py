"""What each kind of command says, and what is wrong with it; messages in Protobuf's text format."""

import pytest
from google.protobuf import text_format

from yupana.ledger.v1.command_pb2 import Command
from yupana.ledger.v1.ledger_service_pb2 import ExecuteRequest
from yupana_server.book import commands as heart
from yupana_server.book.commands import (
    Condition,
    Deadline,
    Leg,
    Measure,
    Operator,
    Quantity,
    Resolution,
    Side,
    UpTo,
    WindowLimit,
)
from yupana_server.ledger.parse import Parsed, parse_commands
from yupana_server.messages.tokens import encode_position
from yupana_server.runtime.errors import CallError

POSITION = encode_position("shop", 3, 7)
ELSEWHERE = encode_position("other", 3, 7)


def message(text: str) -> Command:
    return text_format.Parse(f'id: "x" {text}', Command())


def parse(*texts: str) -> Parsed:
    return parse_commands(ExecuteRequest(book="shop", commands=map(message, texts)))


ACCOUNTS = 'debit_account: "a" credit_account: "b"'

READ = {
    f'create_transfer {{ {ACCOUNTS} amount: "5" code: "order" up_to: UP_TO_BOTH_LIMITS }}': (
        heart.CreateTransfer("x", "a", "b", 5, code="order", up_to=UpTo.BOTH_LIMITS)
    ),
    f"""create_transfer {{ {ACCOUNTS} amount: "5"
        conditions {{ side: SIDE_DEBIT balance {{ operator: OPERATOR_AT_LEAST value: "-1" }} }}
        conditions {{ side: SIDE_CREDIT available {{ operator: OPERATOR_EQUAL value: "0" }} }}
        conditions {{ side: SIDE_CREDIT last_position: "{POSITION}" }} }}""": (
        heart.CreateTransfer(
            "x",
            "a",
            "b",
            5,
            conditions=(
                Condition(Side.DEBIT, Quantity.BALANCE, Operator.AT_LEAST, -1),
                Condition(Side.CREDIT, Quantity.AVAILABLE, Operator.EQUAL, 0),
                Condition(Side.CREDIT, Quantity.LAST_POSITION, Operator.EQUAL, 7, 3),
            ),
        )
    ),
    f'create_hold {{ {ACCOUNTS} amount: "5" }}': heart.CreateHold("x", "a", "b", 5),
    f"""create_hold {{ {ACCOUNTS} amount: "5" asset: "USD" group: "cart" code: "seat"
        expire_time {{ seconds: 9 nanos: 1000 }} }}""": heart.CreateHold(
        "x", "a", "b", 5, "USD", Deadline(at=9_000_001), "cart", code="seat"
    ),
    f'create_hold {{ {ACCOUNTS} amount: "5" timeout {{ seconds: 1 nanos: 5000 }} }}': (
        heart.CreateHold("x", "a", "b", 5, deadline=Deadline(after=1_000_005))
    ),
    'capture_hold { hold: "h" }': heart.CaptureHold("x", "h"),
    'capture_hold { hold: "h" amount: "0" final: true effective_time { seconds: 1 } }': (
        heart.CaptureHold("x", "h", 0, True, 1_000_000)
    ),
    'release_hold { hold: "h" }': heart.ReleaseHold("x", "h"),
    'update_hold { hold: "h" amount: "7" }': heart.UpdateHold("x", "h", 7),
    'update_hold { hold: "h" never: true }': heart.UpdateHold("x", "h", None, Deadline()),
    'resolve_group { group: "g" resolution: RESOLUTION_CAPTURE effective_time {} }': (
        heart.ResolveGroup("x", "g", Resolution.CAPTURE, 0)
    ),
    'reverse_transfer { transfer: "_leg:2:pay" force: true }': heart.ReverseTransfer(
        "x", "_leg:2:pay", force=True
    ),
    f"""create_payment {{ legs {{ {ACCOUNTS} collect: true }}
        legs {{ {ACCOUNTS} amount: "1" asset: "USD" rate: "1.0832" up_to: UP_TO_DEBIT_LIMITS }}
        collect_amount: "9" collect_partially: true }}""": heart.CreatePayment(
        "x",
        (Leg("a", "b"), Leg("a", "b", 1, "USD", UpTo.DEBIT_LIMITS, rate="1.0832")),
        9,
        True,
    ),
    """set_limits { account: "a" min_balance: "-1" windows {
        side: SIDE_CREDIT measure: MEASURE_COUNT length { seconds: 120 } max: "3" } }""": (
        heart.SetLimits("x", "a", -1, None, (WindowLimit(Side.CREDIT, Measure.COUNT, 120, 3),))
    ),
    'freeze_account { account: "a" credits: true }': heart.FreezeAccount("x", "a", False, True),
    'close_account { account: "a" }': heart.CloseAccount("x", "a"),
    'reopen_account { account: "a" }': heart.ReopenAccount("x", "a"),
    "close_period { before { seconds: 5 } }": heart.ClosePeriod("x", 5_000_000),
    'erase { command: "t" }': heart.Erase("x", "t"),
}


@pytest.mark.parametrize(("text", "command"), READ.items(), ids=range(len(READ)))
def test_command_when_well_formed_then_read(text: str, command: heart.Command) -> None:
    parsed = parse(text)
    assert parsed.violations == {}
    assert parsed.units == [(command,)]


def test_words_when_given_then_sealed_together() -> None:
    [(command,)] = parse('capture_hold { hold: "h" description: "d" reference: "r" }').units
    assert isinstance(command, heart.CaptureHold)
    assert command.words is not None
    assert command.words[:3] == (None, "d", "r")
    assert command.words.sealed is not None


def conditions(*texts: str) -> str:
    members = " ".join(f"conditions {{ {text} }}" for text in texts)
    return f'create_transfer {{ {ACCOUNTS} amount: "5" {members} }}'


GOOD_CONDITION = 'side: SIDE_DEBIT balance { operator: OPERATOR_EQUAL value: "0" }'
GOOD_WINDOW = 'side: SIDE_DEBIT measure: MEASURE_COUNT length { seconds: 60 } max: "3"'


def windows(*texts: str) -> str:
    members = " ".join(f"windows {{ {text} }}" for text in texts)
    return f'set_limits {{ account: "a" {members} }}'


def legs(*texts: str, more: str = "") -> str:
    members = " ".join(f"legs {{ {ACCOUNTS} {text} }}" for text in texts)
    return f"create_payment {{ {members} {more} }}"


WRONG = [
    (f'create_transfer {{ {ACCOUNTS} amount: "5" code: "_a" }}', "create_transfer.code"),
    (f'create_transfer {{ {ACCOUNTS} amount: "5" up_to: 4 }}', "create_transfer.up_to"),
    (
        f'create_transfer {{ {ACCOUNTS} amount: "5" description: "{"x" * 1025}" }}',
        "create_transfer.description",
    ),
    (
        f'create_transfer {{ {ACCOUNTS} amount: "5" reference: "a\\000" }}',
        "create_transfer.reference",
    ),
    (conditions(*[GOOD_CONDITION] * 17), "create_transfer.conditions"),
    (
        conditions(GOOD_CONDITION, GOOD_CONDITION.replace("SIDE_DEBIT", "SIDE_UNSPECIFIED")),
        "create_transfer.conditions[1].side",
    ),
    (conditions("side: SIDE_DEBIT"), "create_transfer.conditions[0].test"),
    (
        conditions('side: SIDE_DEBIT balance { value: "0" }'),
        "create_transfer.conditions[0].balance.operator",
    ),
    (
        conditions("side: SIDE_DEBIT available { operator: OPERATOR_EQUAL }"),
        "create_transfer.conditions[0].available.value",
    ),
    (
        conditions(f'side: SIDE_DEBIT last_position: "{ELSEWHERE}"'),
        "create_transfer.conditions[0].last_position",
    ),
    (
        'create_hold { debit_account: "a" credit_account: "a" amount: "5" }',
        "create_hold.credit_account",
    ),
    (f"create_hold {{ {ACCOUNTS} }}", "create_hold.amount"),
    (f'create_hold {{ {ACCOUNTS} amount: "5" group: "/" }}', "create_hold.group"),
    (f'create_hold {{ {ACCOUNTS} amount: "5" timeout {{}} }}', "create_hold.timeout"),
    (f'create_hold {{ {ACCOUNTS} amount: "5" timeout {{ nanos: 1 }} }}', "create_hold.timeout"),
    (
        f'create_hold {{ {ACCOUNTS} amount: "5" timeout {{ seconds: 316224001 }} }}',
        "create_hold.timeout",
    ),
    (
        f'create_hold {{ {ACCOUNTS} amount: "5" expire_time {{ nanos: 1 }} }}',
        "create_hold.expire_time",
    ),
    ('capture_hold { hold: "" }', "capture_hold.hold"),
    ('capture_hold { hold: "h" amount: "-1" }', "capture_hold.amount"),
    ("release_hold {}", "release_hold.hold"),
    ('update_hold { hold: "h" }', "update_hold.amount"),
    ('update_hold { hold: "h" never: false }', "update_hold.never"),
    ('resolve_group { group: "g" }', "resolve_group.resolution"),
    (
        'resolve_group { group: "g" resolution: RESOLUTION_RELEASE effective_time {} }',
        "resolve_group.effective_time",
    ),
    ('reverse_transfer { transfer: "_other:1:h" }', "reverse_transfer.transfer"),
    ('reverse_transfer { transfer: "_leg:x:h" }', "reverse_transfer.transfer"),
    ("create_payment {}", "create_payment.legs"),
    (legs(*['amount: "1"'] * 257), "create_payment.legs"),
    (legs('amount: "1"', ""), "create_payment.legs[1].amount"),
    (legs('amount: "1" rate: "1,5"'), "create_payment.legs[0].rate"),
    (legs('amount: "1" rate: "01"'), "create_payment.legs[0].rate"),
    (legs(f'amount: "1" rate: "1.{"0" * 64}"'), "create_payment.legs[0].rate"),
    (legs("collect: true"), "create_payment.collect_amount"),
    (legs('amount: "1"', more='collect_amount: "1"'), "create_payment.collect_amount"),
    (legs('amount: "1"', more="collect_partially: true"), "create_payment.collect_partially"),
    (
        legs('collect: true amount: "1"', more='collect_amount: "1"'),
        "create_payment.legs[0].amount",
    ),
    (
        legs("collect: true up_to: UP_TO_DEBIT_LIMITS", more='collect_amount: "1"'),
        "create_payment.legs[0].up_to",
    ),
    (windows(*[GOOD_WINDOW] * 2), "set_limits.windows[1].length"),
    (windows(GOOD_WINDOW.replace("60", "90")), "set_limits.windows[0].length"),
    (windows(GOOD_WINDOW.replace("60", "0")), "set_limits.windows[0].length"),
    (windows(GOOD_WINDOW.replace("60", "31622460")), "set_limits.windows[0].length"),
    (windows(GOOD_WINDOW.replace('max: "3"', "")), "set_limits.windows[0].max"),
    (windows(GOOD_WINDOW.replace("MEASURE_COUNT", "9")), "set_limits.windows[0].measure"),
    (
        windows(*(GOOD_WINDOW.replace("60", str(60 * n)) for n in range(1, 10))),
        "set_limits.windows",
    ),
    ('set_limits { account: "a" min_balance: "1" max_balance: "0" }', "set_limits.max_balance"),
    ("freeze_account {}", "freeze_account.account"),
    ("close_account {}", "close_account.account"),
    ("reopen_account {}", "reopen_account.account"),
    ("close_period {}", "close_period.before"),
    ("erase {}", "erase.command"),
]


@pytest.mark.parametrize(("text", "path"), WRONG, ids=range(len(WRONG)))
def test_command_when_a_field_is_wrong_then_it_alone_is_named(text: str, path: str) -> None:
    parsed = parse(text)
    assert [v.field for v in parsed.violations["x"]] == [f"commands[0].{path}"]


def test_request_when_its_legs_are_too_many_then_refused() -> None:
    payment = message(legs(*['amount: "1"'] * 200))
    with pytest.raises(CallError) as caught:
        parse_commands(ExecuteRequest(book="shop", commands=[payment] * 50))
    assert caught.value.violations[0].description.startswith("50 commands, counted as 10050:")


def test_weight_when_a_group_is_resolved_then_its_holds_count() -> None:
    text = 'resolve_group { group: "g" resolution: RESOLUTION_RELEASE }'
    assert parse(text, 'erase { command: "t" }').weight == 1_002
