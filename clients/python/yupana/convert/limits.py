"""Windowed limits and conditions."""

from yupana.conditions import Comparison, Condition, Quantity
from yupana.convert.enums import MEASURES, SIDES
from yupana.convert.times import duration
from yupana.ledger.v1 import account_pb2, command_pb2, limits_pb2
from yupana.limits import WindowLimit, WindowUsage


def window_limit_message(limit: WindowLimit) -> limits_pb2.WindowLimit:
    """Return the message for a windowed limit."""
    return limits_pb2.WindowLimit(
        side=f"SIDE_{limit.side.name}",
        measure=f"MEASURE_{limit.measure.name}",
        length=duration(limit.length),
        max=str(limit.max),
    )


def condition_message(condition: Condition) -> command_pb2.Condition:
    """Return the message for a condition."""
    message = command_pb2.Condition(side=f"SIDE_{condition.side.name}")
    test = condition.test
    if isinstance(test, str):
        message.last_position = test
    elif test.quantity is Quantity.BALANCE:
        message.balance.CopyFrom(_comparison_message(test))
    else:
        message.available.CopyFrom(_comparison_message(test))
    return message


def window_usage(message: account_pb2.WindowUsage) -> WindowUsage:
    """Return a windowed limit with what is used of it."""
    limit = WindowLimit(
        SIDES.of(message.limit.side),
        MEASURES.of(message.limit.measure),
        length=message.limit.length.ToTimedelta(),
        max=int(message.limit.max),
    )
    return WindowUsage(limit, int(message.used))


def _comparison_message(comparison: Comparison) -> command_pb2.Comparison:
    return command_pb2.Comparison(
        operator=f"OPERATOR_{comparison.operator.name}", value=str(comparison.value)
    )
