"""Keys and their changes as messages."""

import json
from datetime import datetime
from typing import Any

from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.timestamp_pb2 import Timestamp

from yupana.access.v1 import key_pb2
from yupana_server.journal.key_store import ChangeRow
from yupana_server.journal.keys import KeyRow


def key(row: KeyRow, token: str = "") -> key_pb2.Key:
    """Return a key, with the text of its newest token where that was made just now."""
    message = key_pb2.Key(
        id=row.key,
        description=row.description,
        certificate_name=row.certificate_name or "",
        create_time=_time(row.created_at),
        update_time=_time(row.updated_at),
        expire_time=_time(row.expires_at),
        revoke_time=_time(row.revoked_at),
        last_use_time=_time(row.used_at),
    )
    for grant in row.grants:
        ParseDict(grant, message.grants.add())
    if row.quota:
        ParseDict(row.quota, message.quota)
    for kept in row.tokens:
        message.tokens.add(create_time=_time(kept.created_at), expire_time=_time(kept.expires_at))
    if token:
        message.tokens[0].token = token
    return message


def change(row: ChangeRow) -> key_pb2.KeyChange:
    """Return a change."""
    return key_pb2.KeyChange(
        number=row.number,
        time=_time(row.at),
        actor=row.actor,
        kind=f"KEY_CHANGE_KIND_{row.kind.upper()}",
        key=row.key,
        book=row.book,
        detail=json.dumps(row.detail),
    )


def quota(stored: Any) -> key_pb2.Quota:
    """Return a quota as it is stored."""
    return ParseDict(stored, key_pb2.Quota())


def as_stored(message: key_pb2.Grant | key_pb2.Quota) -> Any:
    """Return a grant or a quota as it is stored."""
    return MessageToDict(message)


def _time(at: datetime | None) -> Timestamp | None:
    if at is None:
        return None
    message = Timestamp()
    message.FromDatetime(at)
    return message
