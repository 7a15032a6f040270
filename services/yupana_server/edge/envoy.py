"""Envoy's configuration, made from the contract: it cannot drift from the protos."""

import base64
from collections.abc import Collection, Iterator, Mapping
from importlib.resources import files
from pathlib import PurePath
from typing import Any, NamedTuple

from google.protobuf.duration_pb2 import Duration
from google.protobuf.json_format import MessageToDict
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc import StatusCode

from yupana_server.edge.contract import descriptor_set, services
from yupana_server.edge.strict_json import script
from yupana_server.edge.tls import EdgeTls, towards_callers, towards_services
from yupana_server.runtime.errors import DOMAIN

BODY_BYTES_MAX = 4 * 1024 * 1024
"""As large as a request that the ledger takes."""

REQUEST_TIMEOUT_S = 30
"""How long a request may take to come in, and its answer to leave, unless it has a deadline."""

AUTHORIZATION_TIMEOUT_S = 2
"""How long the edge waits to be told whether a request may come in; then it may not."""

IDLE_TIMEOUT_S = 60
STREAMS_MAX = 1_000
"""Requests that one connection may have under way."""

REQUESTS_MAX = 256
"""Requests under way at each process behind the edge; the next one is refused at once.

More do not get through faster, they only wait for each other. What Envoy refuses costs the process
nothing, which else takes half as long to refuse as to answer.
"""

OPEN_STREAMS_MAX = 1_536
"""Streams under way at each process behind the edge, which are mostly quiet: fewer than a process
takes by default, so that calls find room beside them."""

CHECKS_MAX = 2_048
"""Requests of which access is being asked at a time; those beyond are refused."""

TYPE = "type.googleapis.com/envoy.extensions"
MANAGER = f"{TYPE}.filters.network.http_connection_manager.v3.HttpConnectionManager"
TRANSCODER = f"{TYPE}.filters.http.grpc_json_transcoder.v3.GrpcJsonTranscoder"
AUTHORIZATION = f"{TYPE}.filters.http.ext_authz.v3.ExtAuthz"
LUA = f"{TYPE}.filters.http.lua.v3.Lua"
HTTP_OPTIONS = f"{TYPE}.upstreams.http.v3.HttpProtocolOptions"

SECURITY_HEADERS: Mapping[str, str] = {
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "strict-transport-security": "max-age=31536000",
}

DOCUMENT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
"""The reference page has its style in itself, and nothing else."""

DOCUMENT_BYTES_MAX = 2 * 1024 * 1024

PLAIN_TEXT = EdgeTls(PurePath("envoy"))

TRUSTED_HEADERS = ("x-yupana-key", "x-yupana-actor", "x-forwarded-client-cert")
"""What only the edge may say to the services: taken away from what comes from outside."""

UNREACHED = "the service cannot be reached: try again, with the same id"
OWN_ERRORS: Mapping[int, tuple[StatusCode, str]] = {
    400: (StatusCode.INVALID_ARGUMENT, "malformed request. %LOCAL_REPLY_BODY%"),
    403: (StatusCode.PERMISSION_DENIED, "this is not allowed"),
    404: (StatusCode.NOT_FOUND, "there is no such method: see / and /openapi.json"),
    405: (StatusCode.UNIMPLEMENTED, "this verb is not taken"),
    408: (StatusCode.DEADLINE_EXCEEDED, "the request did not come in time"),
    413: (StatusCode.INVALID_ARGUMENT, "the body is too large"),
    429: (StatusCode.RESOURCE_EXHAUSTED, "too many requests: try again later"),
    431: (StatusCode.INVALID_ARGUMENT, "the headers are too large"),
    500: (StatusCode.INTERNAL, "the service failed; its operators can see why"),
    502: (StatusCode.UNAVAILABLE, UNREACHED),
    503: (StatusCode.UNAVAILABLE, UNREACHED),
    504: (StatusCode.DEADLINE_EXCEEDED, "the call ran out of time: try again with the same id"),
}
"""What Envoy says by itself, by HTTP status: a gRPC code and a message."""

RETRY_AFTER_S = 1
OVERLOADED = "too much is under way already: try again later with the same ids"

REFUSALS = (401, 403)
"""Of whom access does not know, or who may not."""

Json = dict[str, Any]


class Address(NamedTuple):
    """Where to listen or to connect to."""

    host: str
    port: int

    @classmethod
    def read(cls, text: str) -> "Address":
        """Read host:port."""
        host, _, port = text.rpartition(":")
        return cls(host.strip("[]"), int(port))

    def as_json(self) -> Json:
        """Write it as Envoy does."""
        return {"socket_address": {"address": self.host, "port_value": self.port}}


def configuration(
    listen: Address,
    processes: Mapping[str, Address],
    *,
    admin: Address | None = None,
    tls: EdgeTls = PLAIN_TEXT,
) -> Json:
    """Return Envoy's bootstrap configuration.

    `processes` are those of the contract by name; without `access` nobody is asked who they are.
    `admin` is Envoy's own page for operators: keep
    it where callers cannot reach it. With certificates it needs the files of `tls.secrets`.
    """
    bootstrap: Json = {
        "node": {"id": "yupana-edge", "cluster": "yupana"},
        "static_resources": {
            "listeners": [_listener(listen, processes, towards_callers(tls))],
            "clusters": [
                {**_cluster(name, address), **towards_services(tls, address.host)}
                for name, address in processes.items()
            ],
        },
        "overload_manager": _overload(),
    }
    if admin is not None:
        bootstrap["admin"] = {"address": admin.as_json()}
    return bootstrap


def _listener(listen: Address, processes: Collection[str], tls: Json) -> Json:
    return {
        "name": "edge",
        "address": listen.as_json(),
        "per_connection_buffer_limit_bytes": BODY_BYTES_MAX,
        "filter_chains": [
            {
                **tls,
                "filters": [
                    {
                        "name": "envoy.filters.network.http_connection_manager",
                        "typed_config": {"@type": MANAGER, **_manager(processes)},
                    }
                ],
            }
        ],
    }


def _manager(processes: Collection[str]) -> Json:
    return {
        "stat_prefix": "edge",
        "codec_type": "AUTO",
        "server_header_transformation": "OVERWRITE",
        "server_name": "yupana",
        "use_remote_address": True,
        "normalize_path": True,
        "merge_slashes": False,
        "path_with_escaped_slashes_action": "REJECT_REQUEST",
        "common_http_protocol_options": {
            "idle_timeout": f"{IDLE_TIMEOUT_S}s",
            "max_headers_count": 64,
            "headers_with_underscores_action": "REJECT_REQUEST",
        },
        "http2_protocol_options": {"max_concurrent_streams": STREAMS_MAX},
        "max_request_headers_kb": 16,
        "request_headers_timeout": "10s",
        "request_timeout": f"{REQUEST_TIMEOUT_S}s",
        "stream_idle_timeout": "300s",
        "route_config": _routes(processes),
        "http_filters": _filters(asks="access" in processes),
        "local_reply_config": _local_replies(),
    }


def _routes(processes: Collection[str]) -> Json:
    return {
        "name": "edge",
        "most_specific_header_mutations_wins": True,
        "max_direct_response_body_size_bytes": DOCUMENT_BYTES_MAX,
        "request_headers_to_remove": list(TRUSTED_HEADERS),
        "response_headers_to_add": _security_headers(),
        "virtual_hosts": [
            {
                "name": "yupana",
                "domains": ["*"],
                "routes": [
                    *(
                        route
                        for process, service in services()
                        if process in processes
                        for route in _ways(process, service)
                    ),
                    _document("/openapi.json", "openapi.json", "application/json"),
                    _document("/", "reference.html", "text/html; charset=utf-8"),
                    # What has no way is not looked at by those filters that ask who calls: REST has
                    # this one until it is translated, and then that of its method.
                    {"match": {"prefix": "/v1/"}, "direct_response": {"status": 404}},
                ],
            }
        ],
    }


def _ways(process: str, service: Any) -> Iterator[Json]:
    """Yield the ways of a service's calls; REST is gRPC by the time that it gets here."""
    for method in service.methods:
        if method.client_streaming or method.server_streaming:
            match = {"path": f"/{service.full_name}/{method.name}", "grpc": {}}
            # As long as it is used: heartbeats are more frequent than the idle time-out.
            # A priority of their own, so that those that stay open leave calls their places.
            yield {
                "match": match,
                "route": {"cluster": process, "timeout": "0s", "priority": "HIGH"},
            }
    yield {
        "match": {"prefix": f"/{service.full_name}/", "grpc": {}},
        "route": {
            "cluster": process,
            "timeout": f"{REQUEST_TIMEOUT_S}s",
            # Callers of gRPC say how long they will wait; the services bound it.
            "max_stream_duration": {"grpc_timeout_header_max": "0s"},
        },
    }


def _document(path: str, name: str, kind: str) -> Json:
    """Return the way to what the edge itself tells of the contract."""
    headers = {"content-type": kind, "content-security-policy": DOCUMENT_POLICY}
    return {
        "match": {"path": path},
        "direct_response": {"status": 200, "body": {"inline_string": _text(name)}},
        "response_headers_to_add": [_header(*each) for each in headers.items()],
        "typed_per_filter_config": {
            "envoy.filters.http.ext_authz": {"@type": f"{AUTHORIZATION}PerRoute", "disabled": True}
        },
    }


def _text(name: str) -> str:
    return (files(__package__) / name).read_text()


def _filters(*, asks: bool) -> list[Json]:
    """Return what a request passes; who may not come in is not read any further."""
    return [
        _filter("grpc_web", f"{TYPE}.filters.http.grpc_web.v3.GrpcWeb", {}),
        *([_filter("ext_authz", AUTHORIZATION, _authorization())] if asks else []),
        _filter("lua", LUA, {"default_source_code": {"inline_string": script()}}),
        _filter("grpc_json_transcoder", TRANSCODER, _transcoder()),
        _filter(
            "router", f"{TYPE}.filters.http.router.v3.Router", {"suppress_envoy_headers": True}
        ),
    ]


def _filter(name: str, type_: str, settings: Json) -> Json:
    return {
        "name": f"envoy.filters.http.{name}",
        "typed_config": {"@type": type_, **settings},
    }


def _authorization() -> Json:
    return {
        "transport_api_version": "V3",
        "grpc_service": {
            "envoy_grpc": {"cluster_name": "access"},
            "timeout": f"{AUTHORIZATION_TIMEOUT_S}s",
        },
        "failure_mode_allow": False,
        "status_on_error": {"code": "ServiceUnavailable"},
        "allowed_headers": {"patterns": [{"exact": "authorization"}, {"exact": "content-type"}]},
    }


def _transcoder() -> Json:
    return {
        "proto_descriptor_bin": base64.b64encode(descriptor_set()).decode(),
        "services": [service.full_name for _, service in services()],
        "convert_grpc_status": True,
        "max_request_body_size": BODY_BYTES_MAX,
        "url_unescape_spec": "ALL_CHARACTERS_EXCEPT_SLASH",
        "case_insensitive_enum_parsing": False,
        "print_options": {
            "always_print_primitive_fields": True,
            "stream_newline_delimited": True,
        },
        "request_validation_options": {
            "reject_unknown_method": False,
            "reject_unknown_query_parameters": True,
            "reject_binding_body_field_collisions": True,
        },
    }


def _security_headers() -> list[Json]:
    return [_header(*each) for each in SECURITY_HEADERS.items()]


def _header(name: str, value: str) -> Json:
    return {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


def _local_replies() -> Json:
    """Have Envoy's own answers look like those of the services, and tell as little."""
    return {
        "mappers": [
            # What access says, as it says it.
            *(
                {"filter": _refused(status), "headers_to_add": _security_headers()}
                for status in REFUSALS
            ),
            *_overloaded(),
            *(
                {
                    "filter": _status(status),
                    "body_format_override": _error_body(code, message),
                    "headers_to_add": _security_headers(),
                }
                for status, (code, message) in OWN_ERRORS.items()
            ),
        ],
    }


def _status(status: int) -> Json:
    value = {"default_value": status, "runtime_key": f"edge.{status}"}
    return {"status_code_filter": {"comparison": {"op": "EQ", "value": value}}}


def _refused(status: int) -> Json:
    by_access = {"response_flag_filter": {"flags": ["UAEX"]}}
    return {"and_filter": {"filters": [by_access, _status(status)]}}


def _overloaded() -> list[Json]:
    """Have those for whom there is no room hear why and when to try again, as a process says it."""
    status = Status(code=StatusCode.RESOURCE_EXHAUSTED.value[0], message=OVERLOADED)
    reason = ErrorInfo(reason="ERROR_REASON_OVERLOADED", domain=DOMAIN)
    for detail in (reason, RetryInfo(retry_delay=Duration(seconds=RETRY_AFTER_S))):
        status.details.add().Pack(detail)
    no_room = {"response_flag_filter": {"flags": ["UO"]}}
    rest = {"header_filter": {"header": {"name": "x-envoy-original-path", "present_match": True}}}
    details = base64.b64encode(status.SerializeToString()).decode()
    as_grpc = {"grpc-status": str(status.code), "grpc-status-details-bin": details}
    return [
        {
            "filter": {"and_filter": {"filters": [no_room, rest]}},
            "status_code": 429,
            "body_format_override": {
                "json_format": MessageToDict(status),
                "content_type": "application/json",
            },
            "headers_to_add": [
                *_security_headers(),
                _header("retry-after", str(RETRY_AFTER_S)),
            ],
        },
        {
            "filter": no_room,
            "body_format_override": {"text_format_source": {"inline_string": OVERLOADED}},
            "headers_to_add": [_header(*each) for each in as_grpc.items()],
        },
    ]


def _error_body(code: StatusCode, message: str) -> Json:
    return {
        "json_format": {"code": code.value[0], "message": message, "details": []},
        "content_type": "application/json",
    }


def _cluster(name: str, address: Address) -> Json:
    return {
        "name": name,
        "type": "STRICT_DNS",
        "connect_timeout": "2s",
        "dns_lookup_family": "V4_PREFERRED",
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": HTTP_OPTIONS,
                "explicit_http_config": {
                    "http2_protocol_options": {
                        "max_concurrent_streams": STREAMS_MAX,
                        "connection_keepalive": {"interval": "60s", "timeout": "20s"},
                    }
                },
            }
        },
        "circuit_breakers": {
            "thresholds": [
                {"priority": priority, "max_requests": most, "max_pending_requests": most}
                for priority, most in (
                    ("DEFAULT", CHECKS_MAX if name == "access" else REQUESTS_MAX),
                    ("HIGH", OPEN_STREAMS_MAX),
                )
            ]
        },
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address.as_json()}}]}],
        },
    }


def _overload() -> Json:
    return {
        "resource_monitors": [
            {
                "name": "envoy.resource_monitors.global_downstream_max_connections",
                "typed_config": {
                    "@type": f"{TYPE}.resource_monitors.downstream_connections.v3"
                    ".DownstreamConnectionsConfig",
                    "max_active_downstream_connections": 10_000,
                },
            }
        ]
    }
