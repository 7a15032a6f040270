"""What counts as the same command again."""

from typing import Any

import pytest

from yupana_server.book.asked import command_of, note
from yupana_server.book.commands import (
    CaptureHold,
    Chain,
    CloseAccount,
    ClosePeriod,
    Command,
    Condition,
    CreateHold,
    CreatePayment,
    CreateTransfer,
    Deadline,
    Erase,
    FreezeAccount,
    Kind,
    Leg,
    Malformed,
    Measure,
    NormalSide,
    OpenAccount,
    OpenAsset,
    Operator,
    Quantity,
    ReleaseHold,
    ReopenAccount,
    Resolution,
    ResolveGroup,
    ReverseTransfer,
    SetLimits,
    Side,
    UpdateHold,
    UpTo,
    WellFormed,
    WindowLimit,
    Words,
)
from yupana_server.book.entries import Entry, Totals
from yupana_server.book.rejections import Reason, explain
from yupana_server.book.replay import Difference, difference
from yupana_server.book.words import seal

LABELS = {"order": "42"}
WORDS = Words(LABELS, sealed=seal(Words(LABELS), bytes(16)))
TRANSFER = Entry(
    7,
    900,
    Kind.TRANSFER,
    "x",
    debit_account="a",
    credit_account="b",
    amount=500,
    asset="USD",
    effective_at=800,
    sealed_words=WORDS.sealed,
)
BARE_TRANSFER = TRANSFER._replace(effective_at=None, sealed_words=None)
ACCOUNT = Entry(
    8,
    901,
    Kind.OPEN_ACCOUNT,
    "x",
    account="a",
    asset="USD",
    content={"normal_side": 2, "min_balance": -5, "max_balance": 7},
)
BARE_ACCOUNT = ACCOUNT._replace(content={"normal_side": 1})
ASSET = Entry(9, 902, Kind.OPEN_ASSET, "x", asset="USD", content={"scale": 2})

SAME_TRANSFER = CreateTransfer(
    "x", "a", "b", 500, "USD", 800, Words(LABELS, sealed=b"another salt")
)
SAME_BARE_TRANSFER = CreateTransfer("x", "a", "b", 500, "USD")
SAME_ACCOUNT = OpenAccount("x", "a", "USD", NormalSide.DEBIT, -5, 7)
SAME_BARE_ACCOUNT = OpenAccount("x", "a", "USD")
SAME_ASSET = OpenAsset("x", "USD", 2)

CONDITION = Condition(Side.DEBIT, Quantity.AVAILABLE, Operator.AT_LEAST, 0)
POSITION = Condition(Side.CREDIT, Quantity.LAST_POSITION, value=9, epoch=2)
WINDOW = WindowLimit(Side.DEBIT, Measure.AMOUNT, 3600, 0)
LEG = Leg("a", "b", 5)

# A command of each kind with every field given, and another value for each, in the order of the
# message's fields (but for words, which come last because they are compared by their seal).
FULL: list[tuple[WellFormed, dict[str, object]]] = [
    (
        CreateTransfer(
            "x", "a", "b", 5, "USD", 800, WORDS, None, "order", UpTo.BOTH_LIMITS, (CONDITION,)
        ),
        {
            "debit_account": "z",
            "credit_account": "y",
            "amount": 0,
            "asset": "EUR",
            "effective_at": 0,
            "code": None,
            "up_to": UpTo.NONE,
            "conditions": (CONDITION, POSITION),
            "words": Words({"order": "43"}),
        },
    ),
    (
        CreateHold(
            "x",
            "a",
            "b",
            0,
            "USD",
            Deadline(900),
            "cart",
            WORDS,
            None,
            "order",
            UpTo.DEBIT_LIMITS,
            (CONDITION, POSITION),
        ),
        {
            "debit_account": "z",
            "credit_account": "y",
            "amount": 1,
            "asset": "EUR",
            "deadline": None,
            "group": None,
            "code": "cart",
            "up_to": UpTo.CREDIT_LIMITS,
            "conditions": (),
            "words": None,
        },
    ),
    (
        CaptureHold("x", "h", 0, True, 800, WORDS, None, "order"),
        {
            "hold": "i",
            "amount": None,
            "final": False,
            "effective_at": None,
            "code": None,
            "words": Words({**LABELS, "k": "v"}),
        },
    ),
    (ReleaseHold("x", "h"), {"hold": "i"}),
    (
        UpdateHold("x", "h", 0, Deadline(after=5)),
        {"hold": "i", "amount": None, "deadline": Deadline()},
    ),
    (
        ResolveGroup("x", "cart", Resolution.CAPTURE, 800),
        {"group": "other", "resolution": Resolution.RELEASE, "effective_at": None},
    ),
    (
        ReverseTransfer("x", "t", 0, True, 800, WORDS, None, "order"),
        {
            "transfer": "u",
            "amount": None,
            "force": False,
            "effective_at": 801,
            "code": "other",
            "words": Words(LABELS, "and more"),
        },
    ),
    (
        CreatePayment("x", (LEG, Leg("c", "b")), 0, True, 800, WORDS, None, "order"),
        {
            "legs": (LEG,),
            "collect_amount": 1,
            "collect_partially": False,
            "effective_at": None,
            "code": None,
            "words": Words(LABELS, reference="more"),
        },
    ),
    (
        OpenAccount("x", "a", "USD", NormalSide.DEBIT, 0, 0, None, (WINDOW,), "wallet", WORDS),
        {
            "account": "z",
            "asset": "EUR",
            "normal_side": NormalSide.CREDIT,
            "min_balance": None,
            "max_balance": None,
            "windows": (),
            "code": None,
            "words": None,
        },
    ),
    (
        SetLimits("x", "a", 0, 0, (WINDOW,)),
        {
            "account": "z",
            "min_balance": -1,
            "max_balance": None,
            "windows": (WINDOW._replace(max=1), WINDOW),
        },
    ),
    (FreezeAccount("x", "a", True, False), {"account": "z", "debits": False, "credits": True}),
    (CloseAccount("x", "a"), {"account": "z"}),
    (ReopenAccount("x", "a"), {"account": "z"}),
    (OpenAsset("x", "USD", 0), {"asset": "EUR", "scale": 1}),
    (ClosePeriod("x", 0), {"before": 1}),
    (Erase("x", "t"), {"command": "u"}),
]
NAMES = {
    "effective_at": "effective_time",
    "deadline": "expiry",
    "words": "labels",
}


def bare(command: WellFormed) -> WellFormed:
    """The command with every field left out that can be."""
    absent = {
        name: default
        for name, default in command._field_defaults.items()
        if name not in ("amount", "chain")
    }
    return command._replace(**absent)


def recorded(command: WellFormed) -> Entry:
    """The entry of the command, with what a decision adds to it."""
    entry = note(command, 7, 900, 1)
    return entry._replace(
        debit_totals=Totals(1, 2, 3, 4),
        hold_change=5,
        result={"amounts": [1]},
        debit_usage=((),),
        payment="none",
        reversed_amount=3,
    )


@pytest.mark.parametrize(
    ("command", "entry"),
    [
        (SAME_TRANSFER, TRANSFER),
        (SAME_TRANSFER._replace(asset=None), TRANSFER),
        (SAME_BARE_TRANSFER, BARE_TRANSFER),
        (SAME_BARE_TRANSFER._replace(words=Words({})), BARE_TRANSFER),
        (
            SAME_BARE_TRANSFER,
            BARE_TRANSFER._replace(reason=Reason.BELOW_MIN_BALANCE, facts={"account": "a"}),
        ),
        (SAME_ACCOUNT, ACCOUNT),
        (SAME_BARE_ACCOUNT, BARE_ACCOUNT),
        (SAME_ASSET, ASSET),
        (
            SAME_ASSET._replace(chain=Chain("x", 1, 2)),
            ASSET._replace(chain=Chain("x", 1, 2)),
        ),
        # What the server adds is not content.
        (SAME_ASSET, ASSET._replace(trace_id=b"t", actor="someone", epoch=9)),
        # Entries of the first release know nothing of what came later.
        (SAME_TRANSFER, TRANSFER._replace(format=1, rules=1)),
    ],
)
def test_difference_when_content_is_the_same_then_none(command: Command, entry: Entry) -> None:
    assert difference(command, entry) is None


@pytest.mark.parametrize(
    "command", [command for command, _ in FULL], ids=lambda c: type(c).__name__
)
@pytest.mark.parametrize("chain", [None, Chain("w", 2, 3)])
def test_difference_when_any_kind_is_the_same_then_none(
    command: WellFormed, chain: Chain | None
) -> None:
    for asked in (command._replace(chain=chain), bare(command)._replace(chain=chain)):
        entry = recorded(asked)
        rejected = entry._replace(reason=Reason.ACCOUNT_CLOSED, facts={}, debit_totals=None)
        for written in (entry, rejected):
            assert difference(asked, written) is None
            seal_alone = {"words": Words(sealed=WORDS.sealed)} if written.sealed_words else {}
            assert command_of(written) == asked._replace(**seal_alone)  # type: ignore[arg-type]


def test_difference_when_amount_was_lowered_then_what_was_asked_counts() -> None:
    asked = CreateTransfer("x", "a", "b", 500, up_to=UpTo.DEBIT_LIMITS)
    entry = recorded(asked)._replace(amount=0, asset="USD")
    assert difference(asked, entry) is None
    differs = difference(asked._replace(amount=0), entry)
    assert differs == Difference("amount", "500", "0")


@pytest.mark.parametrize(("command", "changes"), FULL, ids=[type(c).__name__ for c, _ in FULL])
def test_difference_when_several_fields_differ_then_names_the_first_in_message_order(
    command: WellFormed, changes: dict[str, Any]
) -> None:
    assert set(changes) == set(command._fields) - {"id", "chain"}
    fields = list(changes)
    for place, field in enumerate(fields):
        later = {name: changes[name] for name in fields[place:]}
        differs = difference(command._replace(**later), recorded(command))
        assert differs is not None
        assert differs.field == NAMES.get(field, field)
        assert differs.recorded != differs.given
        assert differs.field in explain(Reason.ID_REUSED, differs._asdict())


@pytest.mark.parametrize(
    "command", [command for command, _ in FULL], ids=lambda c: type(c).__name__
)
def test_difference_when_kind_differs_then_names_it(command: WellFormed) -> None:
    for other, _ in FULL:
        differs = difference(command, recorded(other))
        assert (differs is not None and differs.field == "kind") == (
            type(command) is not type(other)
        )


@pytest.mark.parametrize(
    ("command", "entry", "expected"),
    [
        (
            SAME_TRANSFER._replace(amount=700),
            TRANSFER,
            Difference("amount", "500", "700"),
        ),
        (
            SAME_BARE_TRANSFER._replace(words=WORDS),
            BARE_TRANSFER,
            Difference("labels", "other labels, description or reference", "these"),
        ),
        (
            SAME_TRANSFER._replace(words=None),
            TRANSFER,
            Difference("labels", "other labels, description or reference", "these"),
        ),
        (
            SAME_ACCOUNT._replace(min_balance=None),
            ACCOUNT,
            Difference("min_balance", "-5", "none"),
        ),
        (
            SAME_BARE_ACCOUNT._replace(max_balance=0),
            BARE_ACCOUNT,
            Difference("max_balance", "none", "0"),
        ),
        (SAME_ASSET, TRANSFER, Difference("kind", "transfer", "open_asset")),
        (SAME_ACCOUNT, ASSET, Difference("kind", "open_asset", "open_account")),
        (
            SAME_ASSET._replace(chain=Chain("x", 1, 3)),
            ASSET,
            Difference("linked", "not linked", "1 of 3 after x"),
        ),
        (
            SAME_ASSET,
            ASSET._replace(chain=Chain("w", 2, 3)),
            Difference("linked", "2 of 3 after w", "not linked"),
        ),
        (
            SAME_ASSET._replace(chain=Chain("w", 3, 3)),
            ASSET._replace(chain=Chain("w", 2, 3)),
            Difference("linked", "2 of 3 after w", "3 of 3 after w"),
        ),
        (
            Malformed("x", "amount"),
            TRANSFER,
            Difference("amount", "a valid value", "a malformed one"),
        ),
        (
            SAME_TRANSFER._replace(effective_at=None),
            TRANSFER,
            Difference("effective_time", "1970-01-01T00:00:00.000800Z", "none"),
        ),
        (
            SAME_TRANSFER._replace(code="order"),
            TRANSFER,
            Difference("code", "none", "order"),
        ),
        (
            SAME_TRANSFER._replace(up_to=UpTo.DEBIT_LIMITS),
            TRANSFER,
            Difference("up_to", "none", "debit_limits"),
        ),
        (
            FreezeAccount("x", "a", credits=True),
            recorded(FreezeAccount("x", "a", debits=True)),
            Difference("debits", "true", "false"),
        ),
        (
            UpdateHold("x", "h", deadline=Deadline()),
            recorded(UpdateHold("x", "h", deadline=Deadline(after=7))),
            Difference("expiry", "timeout of 7 us", "never"),
        ),
        (
            CreateHold("x", "a", "b", 1, deadline=Deadline(900)),
            recorded(CreateHold("x", "a", "b", 1)),
            Difference("expiry", "none", "1970-01-01T00:00:00.000900Z"),
        ),
    ],
)
def test_difference_names_field_and_both_values(
    command: Command, entry: Entry, expected: Difference
) -> None:
    assert difference(command, entry) == expected


def test_difference_when_timeout_came_to_the_same_deadline_then_it_differs_all_the_same() -> None:
    asked = CreateHold("x", "a", "b", 1, deadline=Deadline(after=100))
    entry = recorded(asked)._replace(hold_expires_at=1000)
    assert difference(asked, entry) is None
    differs = difference(asked._replace(deadline=Deadline(1000)), entry)
    assert differs is not None
    assert differs.field == "expiry"


def test_difference_when_effective_time_is_left_out_then_it_differs_from_one_that_was_given() -> (
    None
):
    for command, entry in (
        (SAME_TRANSFER._replace(effective_at=None), TRANSFER),
        (SAME_BARE_TRANSFER._replace(effective_at=800), BARE_TRANSFER),
    ):
        differs = difference(command, entry)
        assert differs is not None
        assert differs.field == "effective_time"


def test_difference_when_linked_and_kind_differ_then_linked_comes_first() -> None:
    differs = difference(SAME_ASSET._replace(chain=Chain("x", 1, 2)), TRANSFER)
    assert differs is not None
    assert differs.field == "linked"


def test_difference_when_words_differ_then_their_text_is_not_told() -> None:
    other = Words({"name": "Ada Lovelace"}, "Ada", "Ada")
    assert "Ada" not in str(difference(SAME_TRANSFER._replace(words=other), TRANSFER))
