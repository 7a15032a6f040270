"""Keys from and to messages."""

from collections.abc import Sequence

from google.protobuf.timestamp_pb2 import Timestamp

from yupana.access.v1 import key_pb2, scope_pb2
from yupana.convert.times import moment, optional_moment
from yupana.enums import Action, KeyChangeKind
from yupana.principals import Grant, Key, KeyChange, Quota, Token

_ACTION = "ACTION_"
_KIND = "KEY_CHANGE_KIND_"


def key(message: key_pb2.Key) -> Key:
    """Read a key."""
    return Key(
        id=message.id,
        description=message.description,
        grants=tuple(map(_grant, message.grants)),
        quota=quota(message.quota),
        certificate_name=message.certificate_name,
        created_at=moment(message.create_time),
        updated_at=moment(message.update_time),
        expires_at=optional_moment(message, "expire_time"),
        revoked_at=optional_moment(message, "revoke_time"),
        last_used_at=optional_moment(message, "last_use_time"),
        tokens=tuple(
            Token(moment(each.create_time), optional_moment(each, "expire_time"))
            for each in message.tokens
        ),
        token=message.tokens[0].token if message.tokens else "",
    )


def key_message(
    id_: str,
    description: str,
    grants: Sequence[Grant],
    wanted: Quota | None,
    expire_time: Timestamp | None,
    certificate_name: str,
) -> key_pb2.Key:
    """Write a key as a caller wants it."""
    return key_pb2.Key(
        id=id_,
        description=description,
        grants=[
            key_pb2.Grant(
                book=each.book,
                account_prefix=each.account_prefix,
                actions=[_ACTION + action.value.upper() for action in each.actions],
            )
            for each in grants
        ],
        quota=None if wanted is None else quota_message(wanted),
        expire_time=expire_time,
        certificate_name=certificate_name,
    )


def key_change(message: key_pb2.KeyChange) -> KeyChange:
    """Read a change."""
    name = key_pb2.KeyChangeKind.Name(message.kind)
    return KeyChange(
        number=message.number,
        at=moment(message.time),
        actor=message.actor,
        kind=KeyChangeKind(name.removeprefix(_KIND).lower()),
        key=message.key,
        book=message.book,
        detail=message.detail,
    )


def quota(message: key_pb2.Quota) -> Quota:
    """Read a quota."""
    return Quota(
        message.requests_per_second,
        message.request_burst,
        message.transfers_per_second,
        message.transfer_burst,
    )


def quota_message(wanted: Quota) -> key_pb2.Quota:
    """Write a quota."""
    return key_pb2.Quota(
        requests_per_second=wanted.requests_per_second,
        request_burst=wanted.request_burst,
        transfers_per_second=wanted.transfers_per_second,
        transfer_burst=wanted.transfer_burst,
    )


def _grant(message: key_pb2.Grant) -> Grant:
    actions = (scope_pb2.Action.Name(each) for each in message.actions)
    return Grant(
        message.book,
        tuple(Action(name.removeprefix(_ACTION).lower()) for name in actions),
        message.account_prefix,
    )
