"""What keys allow, and what calls need."""

from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from yupana.ledger.v1 import command_pb2, ledger_service_pb2
from yupana_server.authorization import needs
from yupana_server.authorization.gate import method_of
from yupana_server.authorization.grants import Action, Grant, Need, scope
from yupana_server.authorization.tokens import hash_token, is_one_of, new_token, read_token
from yupana_server.edge.contract import services

READ, WRITE = Action.READ, Action.WRITE
KEY = b"k" * 32

NEITHER = {
    # Of commands and reads: what names neither accounts nor what was recorded before.
    *("amount", "asset", "code", "description", "reference", "rate", "collect_amount", "group"),
    *("min_balance", "max_balance", "page_token", "book", "reverses"),
}
PUBLIC = [(service, method) for _, service in services() for method in service.methods]
KINDS = list(command_pb2.Command.DESCRIPTOR.oneofs_by_name["kind"].fields)


@pytest.mark.parametrize(
    ("grants", "book", "action", "account", "covered"),
    [
        ([("shop", "", [READ])], "shop", READ, "a", True),
        ([("shop", "", [READ])], "shop", WRITE, "a", False),
        ([("shop", "", [READ])], "shop2", READ, "a", False),
        ([("*", "", [READ])], "shop2", READ, "a", True),
        ([("shop", "users:1:", [READ])], "shop", READ, "users:1:wallet", True),
        ([("shop", "users:1:", [READ])], "shop", READ, "users:1:", True),
        ([("shop", "users:1:", [READ])], "shop", READ, "users:1", False),
        ([("shop", "users:1:", [READ])], "shop", READ, "users:10:wallet", False),
        ([("shop", "users:1:", [READ])], "shop", WRITE, "users:1:wallet", False),
        ([("shop", "a", [READ]), ("*", "b", [READ])], "shop", READ, "b1", True),
        ([("shop", "a", [READ]), ("*", "b", [READ])], "other", READ, "a1", False),
        ([("shop", "a", [READ]), ("shop", "", [WRITE])], "shop", READ, "b", False),
    ],
)
def test_scope_when_asked_then_as_granted(
    grants: list[tuple[str, str, list[Action]]],
    book: str,
    action: Action,
    account: str,
    covered: bool,
) -> None:
    made = [Grant(name, prefix, frozenset(actions)) for name, prefix, actions in grants]
    assert scope(made, book).covers(action, account) is covered


@pytest.mark.parametrize(
    ("own", "other", "covered"),
    [
        (("*", ""), ("*", ""), True),
        (("*", ""), ("shop", "a"), True),
        (("shop", ""), ("*", ""), False),
        (("shop", ""), ("shop", "a"), True),
        (("shop", "a"), ("shop", ""), False),
        (("shop", "a"), ("shop", "ab"), True),
        (("shop", "ab"), ("shop", "a"), False),
        (("shop", ""), ("shop2", ""), False),
        (("*", "a"), ("shop", ""), False),
    ],
)
def test_grant_when_held_against_another_then_never_covers_more_than_it_has(
    own: tuple[str, str], other: tuple[str, str], covered: bool
) -> None:
    every = frozenset(Action)
    assert Grant(*own, every).covers(Grant(*other, every)) is covered


@pytest.mark.parametrize(("service", "method"), PUBLIC, ids=[m.full_name for _, m in PUBLIC])
def test_method_when_public_then_the_contract_says_what_it_needs(service: Any, method: Any) -> None:
    known = method_of(f"/{service.full_name}/{method.name}")
    kinds = {each.message_type.name for each in KINDS}
    commands = {each.message_type.name for each in method.input_type.fields if each.message_type}
    of_commands = commands & (kinds | {"Command", "ExecuteRequest"})
    assert (known.action is None) == bool(of_commands)


@pytest.mark.parametrize("kind", KINDS, ids=[each.name for each in KINDS])
def test_command_when_of_any_kind_then_its_needs_are_said(kind: FieldDescriptor) -> None:
    action = needs.ACTIONS[kind.name]
    message: Any = kind.message_type
    filled = _filled(message)
    command = command_pb2.Command(id="own", **{kind.name: filled})
    request = ledger_service_pb2.ExecuteRequest(book="shop", commands=[command])
    found = list(method_of("/yupana.ledger.v1.LedgerService/Execute").needs(request, frozenset()))
    assert [each.action for each in found][:1] == [action]
    if message.name in needs.WHOLE_BOOK:
        assert found == [Need(action)]
    else:
        assert found[0].accounts or found[0].commands
        assert "own" not in (*found[0].accounts, *found[0].commands)


def test_needs_when_a_reversal_is_forced_then_force_too() -> None:
    command = command_pb2.Command(id="r")
    command.reverse_transfer.transfer = "t"
    command.reverse_transfer.force = True
    request = ledger_service_pb2.ExecuteRequest(book="shop", commands=[command])
    found = list(method_of("/yupana.ledger.v1.LedgerService/Execute").needs(request, frozenset()))
    assert found == [Need(WRITE, (), ("t",)), Need(Action.FORCE, (), ("t",))]


def test_needs_when_an_action_is_given_then_only_what_it_does_not_cover() -> None:
    execute = method_of("/yupana.ledger.v1.LedgerService/Execute").needs
    request = ledger_service_pb2.ExecuteRequest(book="shop")
    request.commands.add(id="t").create_transfer.debit_account = "a"
    request.commands.add(id="r").reverse_transfer.transfer = "t"
    assert list(execute(request, frozenset({WRITE}))) == []
    assert len(list(execute(request, frozenset({Action.READ, Action.FORCE})))) == 2
    request.commands[1].reverse_transfer.force = True
    assert list(execute(request, frozenset({WRITE}))) == [Need(Action.FORCE, (), ("t",))]
    assert list(execute(request, frozenset({WRITE, Action.FORCE}))) == []
    read = method_of("/yupana.ledger.v1.LedgerService/GetAccount").needs
    account = ledger_service_pb2.GetAccountRequest(book="shop", account="a")
    assert list(read(account, frozenset({Action.READ}))) == []
    assert list(read(account, frozenset({WRITE}))) == [Need(Action.READ, ("a",))]


def test_needs_when_a_payment_has_legs_then_all_their_accounts() -> None:
    command = command_pb2.Command(id="p")
    command.create_payment.legs.add(debit_account="a", credit_account="b")
    command.create_payment.legs.add(debit_account="c", credit_account="d")
    request = ledger_service_pb2.ExecuteRequest(book="shop", commands=[command])
    [found] = method_of("/yupana.ledger.v1.LedgerService/Execute").needs(request, frozenset())
    assert set(found.accounts) == set("abcd")


def test_fields_when_any_is_a_text_then_it_is_known_what_it_names() -> None:
    """A field that is new in the contract must not slip past the gate."""
    requests = [m.input_type for _, m in PUBLIC if m.input_type.name in needs.READ_ON_ACCOUNTS]
    commands = [k.message_type for k in KINDS if k.message_type.name not in needs.WHOLE_BOOK]
    known = needs.ACCOUNT_FIELDS | needs.COMMAND_FIELDS | NEITHER
    assert {f"{m.name}.{name}" for m in (*requests, *commands) for name in _texts(m)} == {
        f"{m.name}.{name}" for m in (*requests, *commands) for name in _texts(m) if name in known
    }


def test_token_when_made_then_read_and_known_by_its_hash_alone() -> None:
    token = new_token("till-1")
    assert read_token(token.text) == token
    kept = [hash_token(new_token("till-1"), KEY), hash_token(token, KEY)]
    assert is_one_of(token, kept, [b"another" * 8, KEY])
    assert not is_one_of(token, kept, [b"another" * 8])
    assert not is_one_of(token._replace(key="till-2"), kept, [KEY])
    assert token.secret.encode() not in b"".join(kept)


@pytest.mark.parametrize(
    "text", ["", "yupana__x", "yupana_a_short", "bearer", f"yupana_A_{'a' * 43}", "yupana_" * 9]
)
def test_token_when_it_cannot_be_one_then_none(text: str) -> None:
    assert read_token(text) is None


def _filled(message: Any) -> Any:
    made = message._concrete_class()
    for field in message.fields:
        if field.message_type is not None and field.message_type.name == "Leg":
            made.legs.add(debit_account="x", credit_account="y")
        elif field.type == FieldDescriptor.TYPE_STRING and not field.is_repeated:
            setattr(made, field.name, "x")
    return made


def _texts(message: Descriptor) -> list[str]:
    found = []
    for field in message.fields:
        if field.type == FieldDescriptor.TYPE_STRING:
            found.append(field.name)
        elif field.message_type is not None and field.message_type.name == "Leg":
            found += _texts(field.message_type)
    return found
