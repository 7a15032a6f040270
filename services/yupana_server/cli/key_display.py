"""How keys and their changes are shown, to people and as JSON."""

from datetime import datetime

from yupana import Grant, Key, KeyChange, Quota
from yupana_server.cli.output import print_facts, print_json, shown_time

Document = dict[str, object]


def print_key(key: Key, as_json: bool, *, token: str = "") -> None:
    """Print a key as it stands, with its token where that was just made."""
    if as_json:
        print_json(key_json(key))
        return
    print_facts(
        (
            ("key", key.id),
            ("token", token),
            ("certificate", key.certificate_name),
            ("description", key.description),
            *(("allows", shown_grant(grant)) for grant in key.grants),
            ("quota", shown_quota(key.quota)),
            ("created", shown_time(key.created_at)),
            ("last used", shown_time(key.last_used_at)),
            ("expires", shown_time(key.expires_at)),
            ("revoked", shown_time(key.revoked_at)),
            *(
                ("an older token ends", shown_time(each.expires_at))
                for each in key.tokens
                if each.expires_at is not None
            ),
        )
    )


def shown_grant(grant: Grant) -> str:
    """Return a grant as it is written on the command line."""
    prefix = f"/{grant.account_prefix}" if grant.account_prefix else ""
    return f"{grant.book}{prefix}={','.join(action.value for action in grant.actions)}"


def shown_quota(quota: Quota) -> str:
    """Return how much may be done, in a few words; nothing without limits."""
    limits = (
        ("calls", quota.requests_per_second, quota.request_burst),
        ("commands", quota.transfers_per_second, quota.transfer_burst),
    )
    return "; ".join(
        f"{per_s:g} {name} a second" + (f", {burst:,} at once" if burst else "")
        for name, per_s, burst in limits
        if per_s
    )


def key_json(key: Key) -> Document:
    """Return a key for JSON, without its tokens."""
    return {
        "id": key.id,
        "description": key.description,
        "grants": [
            {
                "book": grant.book,
                "account_prefix": grant.account_prefix,
                "actions": [action.value for action in grant.actions],
            }
            for grant in key.grants
        ],
        "quota": {
            "requests_per_second": key.quota.requests_per_second,
            "request_burst": key.quota.request_burst,
            "transfers_per_second": key.quota.transfers_per_second,
            "transfer_burst": key.quota.transfer_burst,
        },
        "certificate_name": key.certificate_name or None,
        "create_time": _time(key.created_at),
        "update_time": _time(key.updated_at),
        "expire_time": _time(key.expires_at),
        "revoke_time": _time(key.revoked_at),
        "last_use_time": _time(key.last_used_at),
    }


def change_json(change: KeyChange) -> Document:
    """Return a change for JSON."""
    return {
        "time": _time(change.at),
        "actor": change.actor,
        "kind": change.kind.value,
        "key": change.key,
        "book": change.book,
        "detail": change.detail,
    }


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat().replace("+00:00", "Z")
