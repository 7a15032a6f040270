"""The receiver of docs/webhooks.md does what it says, with real deliveries."""

import re
from pathlib import Path
from typing import Any

from support.receivers import Receiver, Reply
from support.webhooks import Hooks, secret_of
from yupana.feed.v1.webhook_service_pb2 import WebhookStart

GUIDE = Path(__file__).parents[3] / "docs" / "webhooks.md"


async def test_guide_when_its_receiver_gets_deliveries_then_it_takes_each_event_once(
    hooks: Hooks, receiver: Receiver
) -> None:
    [code] = re.findall(r"^```python\n(.*?)^```", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    worked: list[Any] = []
    names: dict[str, Any] = {"work_on": worked.append}
    exec(code, names)
    secret, seen = "", set()

    def answer(each: Any) -> Reply:
        return Reply(names["receive"](each.headers, each.body, secret, seen))

    receiver.answer = answer
    secret = secret_of(await hooks.create("crm", receiver.url))
    await receiver.until(lambda: len(worked) == 5)
    start = WebhookStart(from_beginning=True)
    await hooks.call("ReplayWebhookEndpoint", endpoint="crm", start=start)
    await receiver.until(lambda: len(receiver.received) >= 10)
    assert [event["type"] for event in worked].count("yupana.account.opened") == 4
    assert len(worked) == 5
    secret = "whsec_" + "A" * 44  # pragma: allowlist secret
    assert answer(receiver.received[0]).status == 401
