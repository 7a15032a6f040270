"""One attempt against receivers that do all they should not: bounded, and told by one word."""

import ssl
import time
from collections.abc import AsyncIterator

import pytest
import trustme

from support.receivers import Receiver, Reply
from yupana_server.feed.webhooks.guard import Guard
from yupana_server.feed.webhooks.sending import EXCERPT_CHARS, Attempt, Sender

TIMEOUT_S = 0.5
HEADERS = {"webhook-id": "x"}


class Names:
    """A name server that answers each question with the next of its answers, then with the last."""

    def __init__(self, *answers: list[str]):
        self.answers = list(answers)
        self.asked = 0

    async def look_up(self, _: str) -> list[str]:
        self.asked += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class OnlyByName(Guard):
    """Takes 127.0.0.1 for public, as a stand-in for a receiver out there."""

    def allows(self, address: object) -> bool:
        return str(address) == "127.0.0.1"


@pytest.fixture
async def sender() -> AsyncIterator[Sender]:
    sender = Sender(OnlyByName(allow_http=True), timeout_s=TIMEOUT_S, in_flight_max=10)
    yield sender
    await sender.close()


async def attempt(sender: Sender, url: str) -> Attempt:
    began_s = time.monotonic()
    made = await sender.send(url, body=b"{}", headers=HEADERS)
    assert time.monotonic() - began_s < TIMEOUT_S + 1
    return made


async def test_attempt_when_taken_then_delivered_with_what_was_answered(
    sender: Sender, receiver: Receiver
) -> None:
    receiver.answer = lambda _: Reply(202, b"thanks\n\x1b[2J\x00" + b"x" * 1_000)
    made = await attempt(sender, receiver.url)
    assert made.delivered
    assert (made.status, made.error) == (202, "")
    assert made.excerpt.startswith("thanks\n")
    assert "\x1b" not in made.excerpt
    assert "\x00" not in made.excerpt
    assert len(made.excerpt) == EXCERPT_CHARS
    assert 0 < made.took_s < TIMEOUT_S


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(500), "status"),
        (Reply(404), "status"),
        (Reply(410), "status"),
        (Reply(301, headers=("location: http://127.0.0.1:1/",)), "redirect"),
        (Reply(307, headers=("location: http://169.254.169.254/",)), "redirect"),
        (Reply(304, b""), "redirect"),
        (Reply(delay_s=30), "timeout"),
        (Reply(length=10_000, hangs=True), "timeout"),
        (Reply(length=10_000), "answer_cut"),
        (Reply(silent=True), "no_answer"),
        (Reply(headers=("x: " + "y" * 20_000,)), "no_answer"),
    ],
)
async def test_attempt_when_the_receiver_does_not_do_its_part_then_failed(
    sender: Sender, receiver: Receiver, reply: Reply, error: str
) -> None:
    receiver.answer = lambda _: reply
    made = await attempt(sender, receiver.url)
    assert not made.delivered
    assert made.error == error
    assert len(receiver.received) == 1
    assert made.gone == (reply.status == 410)


async def test_attempt_when_the_answer_is_huge_then_little_of_it_is_read(
    sender: Sender, receiver: Receiver
) -> None:
    receiver.answer = lambda _: Reply(body=b"x" * 300_000, length=10**12, hangs=True)
    made = await attempt(sender, receiver.url)
    assert made.delivered
    assert len(made.excerpt) == EXCERPT_CHARS


async def test_attempt_when_the_answer_is_packed_then_it_is_not_unpacked(
    sender: Sender, receiver: Receiver
) -> None:
    receiver.answer = lambda _: Reply(body=b"\x1f\x8b!", headers=("content-encoding: gzip",))
    assert (await attempt(sender, receiver.url)).delivered


async def test_attempt_when_a_cookie_is_set_then_it_does_not_come_back(
    sender: Sender, receiver: Receiver
) -> None:
    receiver.answer = lambda _: Reply(headers=("set-cookie: a=b",))
    for _ in range(2):
        assert (await attempt(sender, receiver.url)).delivered
    assert all("cookie" not in each.headers for each in receiver.received)
    assert receiver.connections == 1, "a connection is used again"


async def test_attempt_when_asked_to_come_back_then_told_when(
    sender: Sender, receiver: Receiver
) -> None:
    asked = iter(["120", "Sun, 22 Nov 2099 12:00:00 GMT", "soon", "-5", "9" * 30])
    receiver.answer = lambda _: Reply(429, headers=(f"retry-after: {next(asked)}",))
    assert (await attempt(sender, receiver.url)).retry_after_s == 120
    assert ((await attempt(sender, receiver.url)).retry_after_s or 0) > 1e9
    for _ in range(3):
        assert (await attempt(sender, receiver.url)).retry_after_s is None


async def test_attempt_when_nobody_listens_then_failed(sender: Sender) -> None:
    assert (await attempt(sender, "http://127.0.0.1:1/")).error == "connect"


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "2130706433", "127.1",
        "0x7f000001", "0177.0.0.1", "0.0.0.0", "[::]", "localhost", "169.254.169.254",
        "[64:ff9b::7f00:1]", "[fe80::1%25lo]", "127.0.0.1.",
    ],
)  # fmt: skip
async def test_attempt_when_the_url_names_a_place_inside_then_nothing_is_connected(
    receiver: Receiver, host: str
) -> None:
    sender = Sender(Guard(allow_http=True), timeout_s=2.0, in_flight_max=10)
    made = await sender.send(f"http://{host}:{receiver.port}/", body=b"{}", headers=HEADERS)
    assert made.error in ("target_refused", "name_not_found")
    assert made.status is None
    assert receiver.connections == 0
    await sender.close()


async def test_attempt_when_a_name_leads_inside_then_refused_each_time_anew(
    receiver: Receiver,
) -> None:
    names = Names(["10.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["127.0.0.1"])
    sender = Sender(
        OnlyByName(allow_http=True), timeout_s=1.0, in_flight_max=10, lookup=names.look_up
    )
    url = f"http://receiver.example:{receiver.port}/"
    assert (await attempt(sender, url)).error == "target_refused"
    assert (await attempt(sender, url)).error == "target_refused"
    assert (await attempt(sender, url)).delivered
    assert receiver.received[0].headers["host"] == f"receiver.example:{receiver.port}"
    await sender.close()


async def test_attempt_when_a_name_is_bound_anew_after_the_check_then_the_checked_one_is_used(
    receiver: Receiver,
) -> None:
    names = Names(["127.0.0.1"], ["169.254.169.254"])
    sender = Sender(
        OnlyByName(allow_http=True), timeout_s=1.0, in_flight_max=10, lookup=names.look_up
    )
    assert (await attempt(sender, f"http://receiver.example:{receiver.port}/")).delivered
    assert names.asked == 1, "a name is looked up once a connection, and that answer is used"
    await sender.close()


async def test_attempt_when_a_name_cannot_be_found_then_failed() -> None:
    async def nobody(_: str) -> list[str]:
        raise OSError("no such name")

    sender = Sender(Guard(), timeout_s=1.0, in_flight_max=10, lookup=nobody)
    assert (await attempt(sender, "https://nowhere.example/")).error == "name_not_found"
    await sender.close()


async def test_attempt_when_the_receiver_speaks_tls_then_its_name_is_checked() -> None:
    authority, contexts = trustme.CA(), []
    for name in ("receiver.example", "other.example"):
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert(name).configure_cert(context)
        contexts.append(context)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    names = Names(["127.0.0.1"])
    options = {"timeout_s": 2.0, "in_flight_max": 10, "lookup": names.look_up}
    trusts = Sender(OnlyByName(), tls=trusting, **options)  # type: ignore[arg-type]
    doubts = Sender(OnlyByName(), **options)  # type: ignore[arg-type]
    async with Receiver(tls=contexts[0]) as right, Receiver(tls=contexts[1]) as wrong:
        url = "https://receiver.example:{}/"
        assert (await trusts.send(url.format(right.port), body=b"{}", headers=HEADERS)).delivered
        made = await trusts.send(url.format(wrong.port), body=b"{}", headers=HEADERS)
        assert made.error == "tls"
        made = await doubts.send(url.format(right.port), body=b"{}", headers=HEADERS)
        assert made.error == "tls"
        assert len(right.received) == 1
        assert not wrong.received
    await trusts.close()
    await doubts.close()
