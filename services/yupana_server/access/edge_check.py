"""What the edge asks before it lets a request in: Envoy's `ext_authz`.

It sees the path and the headers, not the body: who calls, and whether the key allows anything like
that in the book of the path. The services look at the rest themselves, and at all of it again.
"""

import base64
import json
import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import unquote

import grpc
import grpc.aio
from google.protobuf.json_format import MessageToDict

from yupana.access.v1 import edge_check_pb2
from yupana_server.authorization.gate import Gate, denied
from yupana_server.authorization.grants import Action
from yupana_server.authorization.interceptor import token_in
from yupana_server.authorization.needs import action_of
from yupana_server.authorization.principals import Principal
from yupana_server.edge.contract import rule_of, services
from yupana_server.runtime.errors import CallError

SERVICE = "envoy.service.auth.v3.Authorization"

STATUSES: Mapping[grpc.StatusCode, HTTPStatus] = {
    grpc.StatusCode.UNAUTHENTICATED: HTTPStatus.UNAUTHORIZED,
    grpc.StatusCode.PERMISSION_DENIED: HTTPStatus.FORBIDDEN,
    grpc.StatusCode.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""As Envoy's transcoder translates them."""


OVERWRITE = 2
"""HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD."""


class Asked(NamedTuple):
    """A request for a method."""

    action: Action | None
    """None: that depends on the body."""
    book: str | None
    """None: it is in the body, or in none."""


class Way(NamedTuple):
    """How a method is called by REST."""

    verb: str
    path: re.Pattern[str]
    action: Action | None


def ways() -> Iterator[Way]:
    """Yield how all public methods are called by REST."""
    for _, service in services():
        for method in service.methods:
            if (rule := rule_of(method)) is not None:
                yield Way(rule.verb.upper(), _pattern(rule.path), action_of(method))


def methods() -> dict[str, Action | None]:
    """Return all public methods by their paths on the wire."""
    return {
        f"/{service.full_name}/{method.name}": action_of(method)
        for _, service in services()
        for method in service.methods
    }


class EdgeCheck:
    """Answers the edge."""

    def __init__(self, gate: Gate):
        self._gate = gate
        self._ways = list(ways())
        self._methods = methods()

    def add_to(self, server: grpc.aio.Server) -> None:
        """Serve it under Envoy's name."""
        handler = grpc.unary_unary_rpc_method_handler(
            self.check,
            request_deserializer=edge_check_pb2.EdgeCheckRequest.FromString,
            response_serializer=edge_check_pb2.EdgeCheckResponse.SerializeToString,
        )
        handlers = grpc.method_handlers_generic_handler(SERVICE, {"Check": handler})
        server.add_generic_rpc_handlers((handlers,))

    async def check(
        self, request: edge_check_pb2.EdgeCheckRequest, _: object
    ) -> edge_check_pb2.EdgeCheckResponse:
        """Tell whether a request may come in."""
        http = request.attributes.request.http
        try:
            caller = await self._gate.enter(token_in(http.headers.items()), ())
            asked = self.asked(http.method, http.path)
            if asked is not None:
                _check(caller, asked)
        except CallError as error:
            return refusal(error, grpc_call=_is_grpc(http.headers))
        return edge_check_pb2.EdgeCheckResponse(status=edge_check_pb2.EdgeStatus(code=0))

    def asked(self, verb: str, target: str) -> Asked | None:
        """Return which method a request is for; None for none, which the edge answers itself."""
        path = target.partition("?")[0]
        if path in self._methods:
            return Asked(self._methods[path], None)
        for way in self._ways:
            match = way.path.fullmatch(path) if way.verb == verb else None
            if match is not None:
                book = match.groupdict().get("book")
                return Asked(way.action, None if book is None else unquote(book))
        return None


def refusal(error: CallError, *, grpc_call: bool) -> edge_check_pb2.EdgeCheckResponse:
    """Return the answer to a request that may not come in, as the services would give it."""
    status = error.status()
    headers = [("cache-control", "no-store")]
    if error.code is grpc.StatusCode.UNAUTHENTICATED:
        headers.append(("www-authenticate", "Bearer"))
    if grpc_call:
        details = base64.b64encode(status.SerializeToString()).rstrip(b"=").decode()
        headers += [
            ("grpc-status", str(error.code.value[0])),
            ("grpc-status-details-bin", details),
        ]
        body = error.message
    else:
        headers.append(("content-type", "application/json"))
        body = json.dumps(
            {"code": status.code, "message": status.message}
            | {"details": MessageToDict(status)["details"]}
        )
    return edge_check_pb2.EdgeCheckResponse(
        status=edge_check_pb2.EdgeStatus(code=status.code),
        denied_response=edge_check_pb2.EdgeDenied(
            status=edge_check_pb2.EdgeHttpStatus(code=STATUSES[error.code].value),
            headers=[
                edge_check_pb2.EdgeHeaderOption(
                    header=edge_check_pb2.EdgeHeader(key=key, value=value),
                    append_action=OVERWRITE,
                )
                for key, value in headers
            ],
            body=body,
        ),
    )


def _check(caller: Principal, asked: Asked) -> None:
    """Check that the key allows anything of the kind.

    Raises:
        CallError: PERMISSION_DENIED.
    """
    if asked.book is None:
        granted = frozenset[Action]().union(*(grant.actions for grant in caller.grants))
        allowed = asked.action is None or asked.action in granted
    else:
        scope = caller.scope(asked.book)
        allowed = bool(scope) if asked.action is None else scope.some(asked.action)
    if not allowed:
        raise denied(caller, asked.action or Action.WRITE, asked.book)


def _pattern(path: str) -> re.Pattern[str]:
    """Return what a path of the contract matches, its book as a group."""
    parts = re.split(r"\{([a-z_.]+)\}", path)
    found = [
        re.escape(part) if place % 2 == 0 else "(?P<book>[^/]+)" if part == "book" else "[^/]+"
        for place, part in enumerate(parts)
    ]
    return re.compile("".join(found))


def _is_grpc(headers: Mapping[str, Any]) -> bool:
    return str(headers.get("content-type", "")).startswith("application/grpc")
