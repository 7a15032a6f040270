"""The ledger's methods as they are on the wire, and what may come back from them."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import grpc
import grpc.aio
from faults.fuzz.values import Values
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass
from google.rpc.error_details_pb2 import ErrorInfo
from grpc_status import rpc_status

from support.wire import NEVER_SAID
from yupana.ledger.v1 import error_reason_pb2
from yupana_server.ledger.service import SERVICES
from yupana_server.runtime.server import MESSAGE_BYTES_MAX

FINDINGS_MAX = 20

WRITE_FAILED = "Internal error from Core"
"""So gRPC's client ends a stream that cannot be written any more; the ledger's log tells why."""

NEVER = {"INTERNAL", "UNKNOWN", "DATA_LOSS", "ABORTED", "UNAUTHENTICATED", "PERMISSION_DENIED"}
NEVER_REASONS = {"INTERNAL", "DATABASE_UNAVAILABLE", "OUTCOME_UNKNOWN", "DRAINING", "UNSPECIFIED"}


def methods() -> list[MethodDescriptor]:
    """Return all methods that a ledger serves."""
    pool = descriptor_pool.Default()
    services = [pool.FindServiceByName(name) for name in SERVICES]
    return [method for service in services for method in service.methods]


def path_of(method: MethodDescriptor) -> str:
    """Return the method's name as it is on the wire."""
    return f"/{method.containing_service.full_name}/{method.name}"


@dataclass
class Sent:
    """A request as it was sent."""

    method: MethodDescriptor
    data: bytes
    what: str
    hurried: bool = False
    """The caller had little time, or went away."""


@dataclass
class Judge:
    """Counts the answers; keeps those that should not have been."""

    codes: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    executed: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)

    def answered(self, sent: Sent, answer: bytes, values: Values) -> None:
        """Look at an answer; keep what later requests can refer to."""
        self._count(sent, "OK")
        response = GetMessageClass(sent.method.output_type).FromString(answer)
        for name in ("position", "next_page_token"):
            if token := getattr(response, name, ""):
                (values.positions if name == "position" else values.tokens).append(token)
        if sent.method.name.startswith("Execute"):
            self._executed(sent, response, values)

    def _executed(self, sent: Sent, response: Any, values: Values) -> None:
        request = GetMessageClass(sent.method.input_type).FromString(sent.data)
        commands = getattr(request, "request", request).commands
        if [c.id for c in commands] != [o.id for o in response.outcomes]:
            self._find(sent, "the outcomes are not those of the commands")
        for outcome in response.outcomes:
            kind = outcome.WhichOneof("result")
            self.executed[str(kind)] += 1
            if kind == "hold_created":
                values.holds.append(outcome.id)
            elif kind == "transfer_posted":
                values.transfers.append(outcome.id)
            elif kind in ("rejected", "refused"):
                self._check_why(sent, getattr(outcome, kind))

    def _check_why(self, sent: Sent, why: Any) -> None:
        reason = error_reason_pb2.ErrorReason.Name(why.reason)
        self._check_text(sent, why.message)
        if reason.removeprefix("ERROR_REASON_") in NEVER_REASONS:
            self._find(sent, f"an outcome is {reason}")

    def failed(self, sent: Sent, error: grpc.aio.AioRpcError) -> None:
        """Look at how a call failed."""
        code, details = error.code().name, error.details() or ""
        if details == WRITE_FAILED:
            code = "ended while written"
        self._count(sent, code)
        self._check_text(sent, details)
        if code in NEVER:
            self._find(sent, f"{code}: {details}")
        hurried = sent.hurried and code in ("DEADLINE_EXCEEDED", "CANCELLED")
        if hurried or details == WRITE_FAILED:
            return
        status = rpc_status.from_call(error)
        if status is None:
            if code != "RESOURCE_EXHAUSTED" or len(sent.data) <= MESSAGE_BYTES_MAX:
                self._find(sent, f"not by the ledger itself: {code}: {details}")
            return
        self._check_text(sent, str(status))
        info = ErrorInfo()
        for detail in status.details:
            detail.Unpack(info)
        if info.reason.removeprefix("ERROR_REASON_") in {*NEVER_REASONS, ""}:
            self._find(sent, f"{code} {info.reason}: {details}")

    def _count(self, sent: Sent, code: str) -> None:
        self.codes[code] += 1
        self.kinds[sent.what] += 1

    def _check_text(self, sent: Sent, text: str) -> None:
        said = [word for word in NEVER_SAID if word in text.lower()]
        if said:
            self._find(sent, f"says {said}: {text}")

    def _find(self, sent: Sent, what: str) -> None:
        alike = sum(finding.count(what[:60]) for finding in self.findings)
        if alike < 3 and len(self.findings) < FINDINGS_MAX:
            shown = readable(sent)
            self.findings.append(f"{sent.method.name} ({sent.what}): {what[:500]}\n  {shown}")


def readable(sent: Sent) -> str:
    """Show a request, as short as it can be sent again."""
    try:
        message = GetMessageClass(sent.method.input_type).FromString(sent.data)
        return " ".join(str(message).split())[:2_000]
    except DecodeError:
        return sent.data.hex()[:2_000]
