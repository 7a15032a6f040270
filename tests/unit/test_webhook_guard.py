"""Which targets webhooks may have."""

import socket
from ipaddress import ip_address, ip_network

import pytest

from yupana_server.feed.webhooks.guard import Guard, GuardedResolver, RefusedTargetError

INSIDE = [
    "0.0.0.0", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254",
    "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.1.1",
    "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::",
    "2002:a00:1::1", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0",
    "fec0::1", "ff02::1", "4000::1",
]  # fmt: skip
OUTSIDE = [
    "1.1.1.1", "8.8.8.8", "100.63.255.255", "172.32.0.1", "192.0.1.1", "223.255.255.255",
    "2606:4700::1111", "2a00:1450::1", "::ffff:8.8.8.8", "64:ff9b::808:808",
]  # fmt: skip


@pytest.mark.parametrize("address", INSIDE)
def test_guard_when_an_address_is_inside_then_refused(address: str) -> None:
    assert not Guard().allows(ip_address(address))


@pytest.mark.parametrize("address", OUTSIDE)
def test_guard_when_an_address_is_public_then_allowed(address: str) -> None:
    assert Guard().allows(ip_address(address))


def test_guard_when_a_network_is_allowed_then_it_alone_is() -> None:
    guard = Guard(allowed=[ip_network("10.1.0.0/16"), ip_network("fd00::/8")])
    for address in ("10.1.2.3", "::ffff:10.1.2.3", "fd00::1", "8.8.8.8"):
        assert guard.allows(ip_address(address))
    for address in ("10.2.0.1", "127.0.0.1", "169.254.169.254", "fe80::1"):
        assert not guard.allows(ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/hook", "https://example.com:8443/hook?a=b", "https://8.8.8.8/",
        "https://[2606:4700::1111]/x", "HTTPS://EXAMPLE.COM/",
    ],
)  # fmt: skip
def test_url_when_nothing_is_wrong_with_it_then_allowed(url: str) -> None:
    assert Guard().trouble_with(url) is None


@pytest.mark.parametrize(
    "url",
    [
        "", "example.com", "//example.com/", "http://example.com/", "ftp://example.com/",
        "file:///etc/passwd", "https://", "https:///x", "https://user@example.com/",
        "https://user:pw@example.com/", "https://:pw@example.com/",  # pragma: allowlist secret
        "https://example.com/#part", "https://example.com:99999/", "https://example.com:0/",
        "https://ex ample.com/", "https://example.com/\r\nhost: x", "https://exämple.com/",
        "https://127.0.0.1/", "https://[::1]/", "https://[::ffff:127.0.0.1]/",
        "https://169.254.169.254/latest/meta-data", "https://10.0.0.1:8080/", "https://2130706433/",
        "https://0x7f000001/", "https://0x7f.1/", "https://127.1/", "https://0177.0.0.1/",
        "https://0/", "https://[fe80::1%25eth0]/", "https://example.com/" + "x" * 2_048,
        "https://[::1", "https://127.0.0.1./",
    ],
)  # fmt: skip
def test_url_when_it_cannot_be_a_target_then_refused(url: str) -> None:
    assert Guard().trouble_with(url) is not None


def test_url_when_http_is_allowed_then_allowed_and_other_rules_stay() -> None:
    guard = Guard(allow_http=True)
    assert guard.trouble_with("http://example.com/") is None
    assert guard.trouble_with("http://127.0.0.1/") is not None
    assert guard.trouble_with("ftp://example.com/") is not None


async def test_resolver_when_one_of_many_addresses_is_inside_then_the_name_is_refused() -> None:
    async def lookup(_: str) -> list[str]:
        return ["8.8.8.8", "2606:4700::1111", "10.0.0.1"]

    resolver = GuardedResolver(Guard(), lookup)
    with pytest.raises(RefusedTargetError):
        await resolver.resolve("mixed.example", 443)
    await resolver.close()


async def test_resolver_when_all_addresses_are_public_then_they_are_what_is_connected_to() -> None:
    async def lookup(_: str) -> list[str]:
        return ["8.8.8.8", "2606:4700::1111"]

    resolver = GuardedResolver(Guard(), lookup)
    found = await resolver.resolve("good.example", 443)
    assert [(each["host"], each["family"]) for each in found] == [
        ("8.8.8.8", socket.AF_INET),
        ("2606:4700::1111", socket.AF_INET6),
    ]
    await resolver.close()


def test_socket_when_the_address_is_inside_then_there_is_none_to_connect() -> None:
    info = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", 80))
    with pytest.raises(RefusedTargetError):
        Guard().socket(info)
    Guard(allowed=[ip_network("127.0.0.0/8")]).socket(info).close()
