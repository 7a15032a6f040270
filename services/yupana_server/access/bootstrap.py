"""The first key, by which all others are made."""

from yupana_server.authorization.grants import ALL_BOOKS, Action
from yupana_server.authorization.tokens import hash_token, new_token
from yupana_server.journal.key_store import KeySettings, KeyStore
from yupana_server.journal.reads import JournalReader

ACTOR = "bootstrap"


async def bootstrap(reader: JournalReader, hash_key: bytes, key: str) -> str | None:
    """Make a key that may do everything, and return its token; None when there is one of this id.

    `reader` logs in as access, or as the owner of the database.
    """
    actions = [f"ACTION_{action.name}" for action in Action]
    settings = KeySettings("made by yupana key bootstrap", [], {}, None)
    settings.grants.append({"book": ALL_BOOKS, "actions": actions})
    token = new_token(key)
    made = await KeyStore(reader).create(
        key, settings, actor=ACTOR, hash_=hash_token(token, hash_key)
    )
    return token.text if made else None
