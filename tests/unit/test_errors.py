"""What the status of a call that failed carries."""

from google.rpc.error_details_pb2 import RetryInfo

from yupana_server.runtime.errors import RETRY_AFTER_S, CallError


def delay_s(error: CallError) -> float:
    """Return after how long the caller is asked to come back."""
    found = RetryInfo()
    assert any(detail.Unpack(found) for detail in error.status().details)
    return found.retry_delay.ToTimedelta().total_seconds()


def test_retry_info_when_many_are_refused_together_then_they_come_back_apart() -> None:
    delays = [delay_s(CallError("OVERLOADED", "too much")) for _ in range(200)]
    least = RETRY_AFTER_S["OVERLOADED"]
    assert least <= min(delays) < 1.2 * least
    assert 1.8 * least < max(delays) <= 2 * least
    assert len(set(delays)) > 100
