"""Reads requests about keys, and names everything that is wrong with them."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any

from yupana.access.v1 import access_service_pb2, key_pb2, scope_pb2
from yupana_server.access.presenting import as_stored
from yupana_server.authorization.grants import ALL_BOOKS
from yupana_server.authorization.tokens import KEY_PATTERN
from yupana_server.book.bounds import ID_PATTERN
from yupana_server.journal.key_store import KeySettings
from yupana_server.journal.keys import KeyRow
from yupana_server.messages.checks import RequestCheck
from yupana_server.messages.fields import Violations

KEY_RULE = "1 to 40 of a-z, 0-9 and -"
DESCRIPTION_MAX = 200
GRANTS_MAX = 100
NAME_MAX = 256
RATE_MAX = 1_000_000.0
BURST_MAX = 10_000_000
OVERLAP_MAX = timedelta(days=30)
OVERLAP_DEFAULT = timedelta(hours=24)

MASKS = {"description", "grants", "quota", "expire_time"}


def check_key(field: str, value: str, check: Violations) -> None:
    """Name the field unless it is the id of a key."""
    if KEY_PATTERN.fullmatch(value) is None:
        check.add(field, f"{value[:64]!r} is not the id of a key: {KEY_RULE}")


def read_settings(key: key_pb2.Key, check: Violations) -> KeySettings:
    """Read what callers choose of a key."""
    inside = check.inside("key")
    inside.check_unknown(key)
    if len(key.description) > DESCRIPTION_MAX:
        inside.add("description", f"{len(key.description)} characters: {DESCRIPTION_MAX} allowed")
    if not 1 <= len(key.grants) <= GRANTS_MAX:
        inside.add("grants", f"{len(key.grants)} grants: 1 to {GRANTS_MAX} allowed")
    for index, grant in enumerate(key.grants[:GRANTS_MAX]):
        _check_grant(grant, inside.inside(f"grants[{index}]"))
    quota = read_quota(key.quota, inside.inside("quota"))
    expires_at = _expiry(key, inside)
    return KeySettings(key.description, [as_stored(g) for g in key.grants], quota, expires_at)


def read_update(
    request: access_service_pb2.UpdateKeyRequest, row: KeyRow, check: RequestCheck
) -> KeySettings:
    """Read a change: what the mask names, and the rest as it is."""
    paths = set(request.update_mask.paths)
    if not paths or not paths <= MASKS:
        check.add("update_mask", f"some of {', '.join(sorted(MASKS))}")
    wanted = key_pb2.Key()
    wanted.CopyFrom(request.key)
    if "grants" not in paths and not wanted.grants:
        wanted.grants.add(book=ALL_BOOKS, actions=[scope_pb2.ACTION_READ])  # Not looked at.
    settings = read_settings(wanted, check)
    return KeySettings(
        settings.description if "description" in paths else row.description,
        settings.grants if "grants" in paths else row.grants,
        settings.quota if "quota" in paths else row.quota,
        settings.expires_at if "expire_time" in paths else row.expires_at,
    )


def read_quota(quota: key_pb2.Quota, check: Violations) -> Any:
    """Read a quota."""
    check.check_unknown(quota)
    for name in ("requests", "transfers"):
        per_s = getattr(quota, f"{name}_per_second")
        burst = getattr(quota, f"{name[:-1]}_burst")
        if not math.isfinite(per_s) or per_s < 0 or per_s > RATE_MAX:
            check.add(f"{name}_per_second", f"{per_s}: 0 to {RATE_MAX:g} allowed")
        elif 0 < per_s < 1 / 3600:
            check.add(f"{name}_per_second", f"{per_s} is less than one an hour")
        if burst > BURST_MAX:
            check.add(f"{name[:-1]}_burst", f"{burst}: up to {BURST_MAX} allowed")
        if burst and not per_s:
            check.add(f"{name[:-1]}_burst", f"a burst needs {name}_per_second")
    return as_stored(quota)


def read_certificate_name(key: key_pb2.Key, check: Violations) -> str | None:
    """Read the name in a certificate that a key is known by."""
    name = key.certificate_name
    if len(name) > NAME_MAX or not name.isprintable() or " " in name:
        check.inside("key").add(
            "certificate_name", f"up to {NAME_MAX} printable characters, without spaces"
        )
    return name or None


def read_overlap(request: access_service_pb2.RotateKeyRequest, check: Violations) -> timedelta:
    """Read for how long tokens from before go on to work."""
    if not request.HasField("overlap"):
        return OVERLAP_DEFAULT
    overlap = request.overlap
    if overlap.nanos < 0 or not 0 <= overlap.seconds <= OVERLAP_MAX.total_seconds():
        check.add("overlap", "0 to 30 days allowed")
        return OVERLAP_DEFAULT
    return timedelta(seconds=overlap.seconds, microseconds=overlap.nanos // 1000)


def _check_grant(grant: key_pb2.Grant, check: Violations) -> None:
    check.check_unknown(grant)
    if grant.book != ALL_BOOKS:
        check.check_id("book", grant.book)
    if grant.account_prefix and ID_PATTERN.fullmatch(grant.account_prefix) is None:
        check.add("account_prefix", "the beginning of an account's id, such as users:42:")
    if not grant.actions:
        check.add("actions", "at least one is needed")
    known = scope_pb2.Action.values()
    for index, action in enumerate(grant.actions):
        if action == scope_pb2.ACTION_UNSPECIFIED or action not in known:
            check.add(f"actions[{index}]", f"{action} is not an action")


def _expiry(key: key_pb2.Key, check: Violations) -> datetime | None:
    if not key.HasField("expire_time"):
        return None
    try:
        return key.expire_time.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError):
        check.add("expire_time", "a time from year 1 to 9999")
        return None
