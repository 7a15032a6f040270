"""R9: endpoints learn that a history was cut, and go on where both histories are the same."""

from support.databases import Database
from support.journals import execute
from support.receivers import Receiver
from support.webhooks import Hooks, hooks_of
from support.writers import MakeWriter, send
from yupana_server.book.commands import CreateTransfer
from yupana_server.ledger.writer import Writer


def transfers(prefix: str, count: int) -> list[CreateTransfer]:
    return [CreateTransfer(f"{prefix}{place}", "a0", "a1", 1) for place in range(count)]


def cut_tail(database: Database, after: int) -> None:
    """Lose the newest entries, as a failover to a late standby does."""
    for table in ("journal", "ids"):
        execute(database.admin_url, f"DELETE FROM yupana.{table} WHERE seq > %s RETURNING 1", after)


def raise_epoch(database: Database, known_seq: int, common_seq: int) -> None:
    statement = "SELECT yupana.raise_epoch(1, 1, %s, %s)"
    execute(database.admin_url, statement, known_seq, common_seq)


async def test_endpoint_when_history_was_cut_then_it_is_told_and_goes_on_in_the_new_one(
    database: Database,
    hooks: Hooks,
    writer: Writer,
    make_writer: MakeWriter,
    receiver: Receiver,
) -> None:
    await hooks.create("crm", receiver.url)
    await send(writer, *transfers("t", 5))
    await receiver.until(lambda: len(receiver.received) == 10)
    await writer.drain()
    cut_tail(database, 7)
    raise_epoch(database, 10, 7)
    await send(make_writer(), *transfers("u", 2))
    await receiver.until(lambda: len(receiver.received) == 13)
    word, *others = (each.event for each in receiver.received[10:])
    assert receiver.ids[10:] == ["b/2-cut", "b/2-8", "b/2-9"]
    assert word["type"] == "yupana.book.cut"
    assert word["data"]["lastCommonSeq"] == "7"
    assert [each["subject"] for each in others] == ["u0", "u1"]
    assert (await hooks.get("crm")).lag == 0
    [told] = [each for each in await hooks.deliveries("crm") if each.type == "yupana.book.cut"]
    assert told.event_id == "2-cut"


async def test_endpoint_when_it_had_not_come_so_far_then_it_goes_on_without_a_word(
    database: Database,
    writer: Writer,
    make_writer: MakeWriter,
    receiver: Receiver,
) -> None:
    async with hooks_of(database) as hooks:
        await hooks.create("crm", receiver.url)
        await receiver.until(lambda: len(receiver.received) == 5)
        await hooks.call("PauseWebhookEndpoint", endpoint="crm")
    await send(writer, *transfers("t", 5))
    await writer.drain()
    cut_tail(database, 7)
    raise_epoch(database, 10, 7)
    await send(make_writer(), *transfers("u", 2))
    async with hooks_of(database) as hooks:
        await hooks.call("ResumeWebhookEndpoint", endpoint="crm")
        await receiver.until(lambda: len(receiver.received) == 9)
    assert receiver.ids[5:] == ["b/1-6", "b/1-7", "b/2-8", "b/2-9"]


async def test_endpoint_when_nobody_tells_of_a_cut_then_it_does_by_what_was_delivered(
    database: Database,
    hooks: Hooks,
    writer: Writer,
    receiver: Receiver,
) -> None:
    await hooks.create("crm", receiver.url)
    await send(writer, *transfers("t", 5))
    await receiver.until(lambda: len(receiver.received) == 10)
    await writer.drain()
    cut_tail(database, 8)
    await receiver.until(lambda: receiver.ids[-1] == "b/2-cut")
    assert receiver.received[-1].event["data"]["lastCommonSeq"] == "8"
