"""Which targets webhooks may have: nothing inside, unless it was allowed (SSRF).

An endpoint's URL comes from outside, and its name means what its owner's DNS says at this moment.
So a name is resolved for every connection, every address that it has is checked, and the socket is
connected to an address that was checked: nothing is asked twice, so nothing can change between.
"""

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, TypeAlias

from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

URL_LENGTH_MAX = 2_048
ADDRESSES_MAX = 32
"""How many addresses a name may have; more are no host of anybody's."""

LOOKUPS_MAX = 8
"""So many names are looked up at a time: a name server that hangs holds up no other part."""

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network
Lookup: TypeAlias = Callable[[str], Awaitable[Sequence[str]]]

_CHARACTERS = re.compile(rf"[\x21-\x7e]{{1,{URL_LENGTH_MAX}}}")
_NAME = re.compile(r"[a-z0-9_][a-z0-9_.-]{0,252}", re.ASCII | re.IGNORECASE)
_NAT64 = IPv6Network("64:ff9b::/96")
_PUBLIC_V6 = IPv6Network("2000::/3")
"""All that has ever been given out; everything else is of some other use."""

# What IANA lists as not global, beside what Python's `is_global` knows; its releases differ.
_FORBIDDEN: tuple[Network, ...] = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
        "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24",
        "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24",
        "203.0.113.0/24", "224.0.0.0/3", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
    )
)  # fmt: skip


class RefusedTargetError(OSError):
    """A target that webhooks may not have; an OSError, so that a connection ends with it."""


class Guard:
    """Decides which URLs and addresses are allowed."""

    def __init__(self, *, allowed: Sequence[Network] = (), allow_http: bool = False):
        """`allowed` are networks that are not public, and yet targets."""
        self._allowed = tuple(allowed)
        self._allow_http = allow_http

    def trouble_with(self, text: str) -> str | None:
        """Return what is wrong with a URL as a target, None if nothing can be seen in it."""
        if _CHARACTERS.fullmatch(text) is None:
            return f"must be at most {URL_LENGTH_MAX} printable ASCII characters without spaces"
        try:
            url = URL(text)
            port = url.port
        except ValueError:
            return "is not a URL: write https://host/path"
        if url.scheme != "https" and not (url.scheme == "http" and self._allow_http):
            return "must begin with https://"
        if url.user is not None or url.password is not None:
            return "must not hold a user or password: deliveries are signed instead"
        if url.raw_fragment or not url.host or not port:
            return "must name a host, and no fragment"
        return self._trouble_with_host(url.host)

    def _trouble_with_host(self, host: str) -> str | None:
        try:
            address = ip_address(host)
        except ValueError:
            # A resolver reads `2130706433`, `0x7f.1` and `127.1` as addresses too.
            last = host.rstrip(".").rpartition(".")[2]
            if last.isdigit() or last.lower().startswith("0x"):
                return "must name a host, or an address as four numbers or in brackets"
            wrong = _NAME.fullmatch(host) is None
            return "names a host that cannot be one" if wrong else None
        return None if self.allows(address) else "names an address that webhooks may not reach"

    def allows(self, address: Address) -> bool:
        """Tell whether an address may be connected to."""
        meant = meant_by(address)
        if any(meant in network for network in self._allowed if network.version == meant.version):
            return True
        return is_public(meant)

    def check(self, host: str, addresses: Sequence[str]) -> None:
        """Check all addresses of a host: a name that leads inside with one leads there with all.

        Raises:
            RefusedTargetError: One of them is not allowed, or there are too many.
        """
        if len(addresses) > ADDRESSES_MAX:
            raise RefusedTargetError(f"{host} has {len(addresses)} addresses")
        for text in addresses:
            if not self.allows(ip_address(text)):
                raise RefusedTargetError(f"{host} leads to an address that is not allowed")

    def socket(self, info: Sequence[Any]) -> socket.socket:
        """Make the socket that is then connected to the address in `info`, checked once more.

        This is the last step before `connect`, which every way leads through: a name that was
        resolved, and an address that stands in the URL.

        Raises:
            RefusedTargetError: It is not allowed.
        """
        family, kind, protocol, _, address = info
        self.check(str(address[0]), [str(address[0])])
        return socket.socket(family, kind, protocol)


def meant_by(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address stands for, or the address itself."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def is_public(address: Address) -> bool:
    """Tell whether an address is one of the public Internet, for anybody to reach."""
    if not address.is_global or address.is_multicast or address.is_reserved:
        return False
    if isinstance(address, IPv6Address) and (address.scope_id or address not in _PUBLIC_V6):
        return False
    return not any(address in net for net in _FORBIDDEN if net.version == address.version)


class GuardedResolver(AbstractResolver):
    """Resolves a name for aiohttp, which connects to what this returns and asks nobody else."""

    def __init__(self, guard: Guard, lookup: Lookup | None = None):
        """`lookup` returns the addresses of a name; by default the system's resolver does."""
        self._guard = guard
        self._threads = ThreadPoolExecutor(LOOKUPS_MAX, "webhook-lookup")
        self._lookup = lookup or self._ask_system

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of a name, all of them checked.

        Raises:
            RefusedTargetError: One of them is not allowed.
            OSError: There is no such name, or nobody knows at this moment.
        """
        addresses = [text for text in await self._lookup(host) if _fits(text, family)]
        if not addresses:
            raise OSError(f"{host} has no address")
        self._guard.check(host, addresses)
        return [_result(host, text, port) for text in addresses]

    async def close(self) -> None:
        """Give up look-ups that wait; those under way end by themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _ask_system(self, host: str) -> Sequence[str]:
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._threads, _look_up, host)
        return list(dict.fromkeys(str(each[4][0]) for each in found))


def _look_up(host: str) -> list[Any]:
    return socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)


def _fits(text: str, family: int) -> bool:
    return family == socket.AF_UNSPEC or _family(text) == family


def _family(text: str) -> socket.AddressFamily:
    return socket.AF_INET if ip_address(text).version == 4 else socket.AF_INET6


def _result(host: str, text: str, port: int) -> ResolveResult:
    return ResolveResult(
        hostname=host,
        host=text,
        port=port,
        family=_family(text),
        proto=socket.IPPROTO_TCP,
        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    )
