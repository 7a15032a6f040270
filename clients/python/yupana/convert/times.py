"""Times and durations, exact to the microsecond."""

from datetime import UTC, datetime, timedelta

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(message: Timestamp) -> datetime:
    """Return the time in UTC; what is finer than a microsecond is cut off."""
    return _EPOCH + timedelta(seconds=message.seconds, microseconds=message.nanos // 1000)


def optional_moment(message: Message, field: str) -> datetime | None:
    """Return the time that a field of a message holds, or None when it holds none."""
    return moment(getattr(message, field)) if message.HasField(field) else None


def timestamp(at: datetime) -> Timestamp:
    """Return the message for an aware time, exact to the microsecond."""
    if at.utcoffset() is None:
        raise ValueError(f"{at.isoformat()} names no time zone: give an aware datetime")
    since = at - _EPOCH
    return Timestamp(seconds=since.days * 86_400 + since.seconds, nanos=since.microseconds * 1000)


def optional_timestamp(at: datetime | None) -> Timestamp | None:
    """Return the message for an aware time, or None for None."""
    return None if at is None else timestamp(at)


def duration(length: timedelta) -> Duration:
    """Return the message for a length of time, exact to the microsecond."""
    message = Duration()
    message.FromTimedelta(length)
    return message


def optional_duration(length: timedelta | None) -> Duration | None:
    """Return the message for a length of time, or None for None."""
    return None if length is None else duration(length)
