"""What counts as the same command again."""

import pytest

from yupana_server.book.commands import (
    Chain,
    Command,
    CreateTransfer,
    Kind,
    Malformed,
    NormalSide,
    OpenAccount,
    OpenAsset,
)
from yupana_server.book.entries import Entry
from yupana_server.book.labels import seal_labels
from yupana_server.book.rejections import Reason, explain
from yupana_server.book.replay import Difference, difference

LABELS = {"order": "42"}
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
    sealed_labels=seal_labels(LABELS, bytes(16)),
)
BARE_TRANSFER = TRANSFER._replace(effective_at=None, sealed_labels=None)
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

SAME_TRANSFER = CreateTransfer("x", "a", "b", 500, "USD", 800, LABELS, b"another salt")
SAME_BARE_TRANSFER = CreateTransfer("x", "a", "b", 500, "USD")
SAME_ACCOUNT = OpenAccount("x", "a", "USD", NormalSide.DEBIT, -5, 7)
SAME_BARE_ACCOUNT = OpenAccount("x", "a", "USD")
SAME_ASSET = OpenAsset("x", "USD", 2)


@pytest.mark.parametrize(
    ("command", "entry"),
    [
        (SAME_TRANSFER, TRANSFER),
        (SAME_TRANSFER._replace(asset=None), TRANSFER),
        (SAME_BARE_TRANSFER, BARE_TRANSFER),
        (SAME_BARE_TRANSFER._replace(labels={}), BARE_TRANSFER),
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
    ],
)
def test_difference_when_content_is_the_same_then_none(command: Command, entry: Entry) -> None:
    assert difference(command, entry) is None


# Each command differs in the named field and in all that follow it in the order of the messages.
TRANSFER_CHANGES = {
    "debit_account": "z",
    "credit_account": "y",
    "amount": 501,
    "asset": "EUR",
    "effective_at": 801,
    "labels": {"order": "43"},
}
ACCOUNT_CHANGES = {
    "account": "z",
    "asset": "EUR",
    "normal_side": NormalSide.CREDIT,
    "min_balance": None,
    "max_balance": 8,
}
ASSET_CHANGES = {"asset": "EUR", "scale": 3}


@pytest.mark.parametrize(
    ("command", "entry", "changes"),
    [
        (SAME_TRANSFER, TRANSFER, TRANSFER_CHANGES),
        (SAME_ACCOUNT, ACCOUNT, ACCOUNT_CHANGES),
        (SAME_ASSET, ASSET, ASSET_CHANGES),
    ],
)
def test_difference_when_several_fields_differ_then_names_the_first_in_message_order(
    command: Command, entry: Entry, changes: dict[str, object]
) -> None:
    fields = list(changes)
    for place, field in enumerate(fields):
        later = {name: changes[name] for name in fields[place:]}
        differs = difference(command._replace(**later), entry)
        assert differs is not None
        assert differs.field == {"effective_at": "effective_time"}.get(field, field)
        assert differs.recorded != differs.given
        assert differs.field in explain(Reason.ID_REUSED, differs._asdict())


@pytest.mark.parametrize(
    ("command", "entry", "expected"),
    [
        (
            SAME_TRANSFER._replace(amount=700),
            TRANSFER,
            Difference("amount", "500", "700"),
        ),
        (
            SAME_BARE_TRANSFER._replace(labels=LABELS),
            BARE_TRANSFER,
            Difference("labels", "other labels", "these labels"),
        ),
        (
            SAME_TRANSFER._replace(labels=None),
            TRANSFER,
            Difference("labels", "other labels", "these labels"),
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
    ],
)
def test_difference_names_field_and_both_values(
    command: Command, entry: Entry, expected: Difference
) -> None:
    assert difference(command, entry) == expected


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


def test_difference_when_labels_differ_then_their_text_is_not_told() -> None:
    differs = difference(SAME_TRANSFER._replace(labels={"name": "Ada Lovelace"}), TRANSFER)
    assert "Ada" not in str(differs)
