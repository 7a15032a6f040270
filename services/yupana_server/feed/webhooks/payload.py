"""What is posted: an event as CloudEvents' JSON, or the word that the history was cut."""

import json
from datetime import UTC, datetime
from typing import Any

from google.protobuf.json_format import MessageToDict

from yupana.feed.v1 import event_pb2
from yupana_server.journal.points import BookRow, TransferRow
from yupana_server.messages.events import fill_event
from yupana_server.messages.tokens import encode_position

CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
CUT_TYPE = "yupana.book.cut"


def event_body(book: BookRow, row: TransferRow) -> str:
    """Write an entry: the attributes of CloudEvents, and in `data` the whole contract's Event."""
    event = event_pb2.Event()
    fill_event(event, book, row)
    data = MessageToDict(event)
    return _written(
        {
            "id": event.id,
            "source": event.source,
            "type": event.type,
            "subject": event.subject,
            "time": data["time"],
        },
        data,
    )


def cut_id(epoch: int) -> str:
    """Return the id of the word that an epoch began with a cut."""
    return f"{epoch}-cut"


def cut_body(book: BookRow, seq: int) -> str:
    """R9: write that what came after an entry may be gone, or be something else now."""
    position = encode_position(book.id, book.epoch, seq)
    attributes = {
        "id": cut_id(book.epoch),
        "source": "/books/" + book.id,
        "type": CUT_TYPE,
        "subject": book.id,
        "time": datetime.now(UTC).isoformat(),
    }
    data = {"book": book.id, "epoch": book.epoch, "lastCommonPosition": position}
    return _written(attributes, data | {"lastCommonSeq": str(seq)})


def webhook_id(book_id: str, event_id: str) -> str:
    """Return the id that receivers know a delivery again by, over all books and all attempts.

    What is signed has full stops between its parts, so there is none inside of one.
    """
    return f"{book_id.replace('.', '%2E')}/{event_id}"


def _written(attributes: dict[str, str], data: dict[str, Any]) -> str:
    head = {"specversion": "1.0", **attributes, "datacontenttype": "application/json"}
    return json.dumps({**head, "data": data}, separators=(",", ":"))
