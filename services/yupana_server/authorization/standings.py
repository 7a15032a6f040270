"""How quotas are told to callers: headers, and the error when one is exceeded."""

import math
from collections.abc import Sequence

from yupana_server.authorization.quotas import Standing
from yupana_server.runtime.errors import CallError

Headers = tuple[tuple[str, str], ...]


def headers(standings: Sequence[Standing]) -> Headers:
    """Return the headers of draft-ietf-httpapi-ratelimit-headers; none without quotas."""
    if not standings:
        return ()
    policies = (
        f'"{each.limit.name}";q={each.limit.rate.burst}'
        f";w={math.ceil(each.limit.rate.burst / each.limit.rate.per_s)}"
        for each in standings
    )
    left = (
        f'"{each.limit.name}";r={each.remaining};t={math.ceil(each.reset_s)}' for each in standings
    )
    return (("ratelimit-policy", ", ".join(policies)), ("ratelimit", ", ".join(left)))


def exceeded(standings: Sequence[Standing]) -> CallError:
    """Return the error of a call that is more than a quota allows."""
    worst = max(standings, key=lambda each: each.wait_s)
    limit = worst.limit
    if limit.cost > limit.rate.burst:
        message = (
            f"the call has {limit.cost} commands, and the quota {limit.name} allows "
            f"{limit.rate.burst} at once: send fewer"
        )
    else:
        message = (
            f"the quota {limit.name} allows {limit.rate.per_s:g} a second: try again in "
            f"{worst.wait_s:.2g} s, with the same ids"
        )
    return CallError(
        "QUOTA_EXCEEDED",
        message,
        metadata={
            "quota": limit.name,
            "per_second": f"{limit.rate.per_s:g}",
            "burst": str(limit.rate.burst),
        },
        quotas=[(f"{each.limit.name}:{each.limit.subject}", message) for each in (worst,)],
        retry_after_s=worst.wait_s,
        headers=(*headers(standings), ("retry-after", str(max(math.ceil(worst.wait_s), 1)))),
    )
