"""The OpenAPI document: what can be called by REST, and how."""

import re
from collections.abc import Iterator
from typing import Any

from google.rpc import error_details_pb2, status_pb2

from yupana.ledger.v1 import error_reason_pb2
from yupana_server.authorization.needs import action_of, action_of_message
from yupana_server.edge.contract import Rule, rule_of, services
from yupana_server.edge.openapi.examples import EXAMPLES
from yupana_server.edge.openapi.schemas import REF, Json, Schemas

VERSION = "1.0.0"

ABOUT = """
Yupana counts exactly once: money, stock, seats, points, quotas. This is its public face, version 1;
`docs/rest.md` in the repository tells more.

**Every command has an id**, which is its idempotency key: sent again with the same content, it has
the same outcome, for ever, marked `replayed`. Give it as `id` in the body or in the header
`Idempotency-Key`. After a time-out, a lost connection or a 5xx send the same again: always safe.

**What the ledger decides is an answer, not an error.** A command that a rule is against gets 200
with `rejected` and the reason. 4xx and 5xx say that it was not executed, or that its outcome is
unknown.

**Amounts** are decimal whole numbers of the asset's smallest unit, as strings. 64-bit integers are
strings too. Times are RFC 3339 in UTC.

**Reads** are as of now. With `consistency.atLeast` they see at least a position that an earlier
answer told; with `consistency.eventual` they come from wherever is nearest. Lists have pages:
repeat the call with `pageToken` of `nextPageToken`.

**Keys.** Where callers need a key, its token goes as `Authorization: Bearer TOKEN`. `x-scope` says
what the key has to allow for each method. 401: no key that works came; 403: the key does not allow
it; 429: too much for now, `Retry-After` says how long, and the headers `RateLimit` and
`RateLimit-Policy` how a quota stands.

**Compatibility.** Within version 1 fields, values and methods are added, never removed or renamed;
read what you know and ignore the rest. What leaves is announced in the changelog a year before, as
`deprecated` here, and only leaves with another version beside this one.
"""

_PLACE = re.compile(r"\{([a-z_.]+)\}")


def document(schemas: Schemas) -> Json:
    """Return the document of all public methods that have a path."""
    paths: dict[str, Json] = {}
    for service, method, rule in public_methods():
        place = _PLACE.sub(lambda found: f"{{{_last(found[1])}}}", rule.path)
        paths.setdefault(place, {})[rule.verb] = _operation(schemas, service, method, rule)
    error = _error(schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Yupana",
            "version": VERSION,
            "description": ABOUT.strip(),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [
            {"name": service.name, "description": schemas.comment(service.full_name)}
            for _, service in services()
        ],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.found.items())),
            "responses": {"Error": error},
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The token of a key, such as `yupana_till-7_…`.",
                }
            },
        },
        # Either: it is the operator's choice whether callers need a key.
        "security": [{"key": []}, {}],
    }


def public_methods() -> Iterator[tuple[Any, Any, Rule]]:
    """Yield what can be called by REST: service, method, rule."""
    for _, service in services():
        for method in service.methods:
            rule = rule_of(method)
            if rule is not None:
                yield service, method, rule


def _last(path: str) -> str:
    """Return what a place in a path is called: by the end of a path, if that says enough."""
    parent, _, last = path.rpartition(".")
    return parent if parent and last == "id" else last


def _operation(schemas: Schemas, service: Any, method: Any, rule: Rule) -> Json:
    bound = _PLACE.findall(rule.path)
    text = schemas.comment(method.full_name)
    operation: Json = {
        "operationId": f"{service.name}_{method.name}",
        "tags": [service.name],
        "summary": re.split(r"(?<=[.:])\s", text)[0].rstrip(".:"),
        "description": text,
        "x-scope": _scope(method),
        "parameters": [
            *_in_path(schemas, method, bound),
            *_elsewhere(schemas, method, rule, bound),
        ],
        "responses": {
            "200": _content("The answer.", schemas.message(method.output_type), method, "answer"),
            "default": {"$ref": "#/components/responses/Error"},
        },
    }
    if rule.body:
        schema = schemas.object(method.input_type, without=bound)
        body = _content("", schema, method, "request")
        operation["requestBody"] = {"required": True, "content": body["content"]}
    return operation


def _scope(method: Any) -> str:
    """Return what a key has to allow."""
    action = action_of(method)
    if action is not None:
        return action.value
    found = {each.value for field in method.input_type.fields if (each := action_of_message(field))}
    return found.pop() if found else "as each command needs"


def _content(text: str, schema: Json, method: Any, which: str) -> Json:
    media: Json = {"schema": schema}
    example = EXAMPLES.get(method.name, {}).get(which)
    if example is not None:
        media["example"] = example
    return {"description": text, "content": {"application/json": media}}


def _in_path(schemas: Schemas, method: Any, bound: list[str]) -> Iterator[Json]:
    for path in bound:
        field = _field(method.input_type, path)
        yield {
            "name": _last(path),
            "in": "path",
            "required": True,
            "description": schemas.comment(field.full_name),
            "schema": {"type": "string"},
        }


def _field(message: Any, path: str) -> Any:
    first, _, rest = path.partition(".")
    field = message.fields_by_name[first]
    return _field(field.message_type, rest) if rest else field


def _elsewhere(schemas: Schemas, method: Any, rule: Rule, bound: list[str]) -> Iterator[Json]:
    if not rule.body:
        yield from _in_query(schemas, method.input_type, "", set(bound))
    elif "id" in method.input_type.fields_by_name:
        yield {
            "name": "Idempotency-Key",
            "in": "header",
            "description": "The command's id, instead of `id` in the body or equal to it.",
            "schema": {"type": "string"},
        }


def _in_query(schemas: Schemas, message: Any, before: str, bound: set[str]) -> Iterator[Json]:
    for field in message.fields:
        if field.name in bound:
            continue
        inside = field.message_type
        if inside is not None and not inside.full_name.startswith("google."):
            yield from _in_query(schemas, inside, f"{before}{field.json_name}.", set())
            continue
        yield {
            "name": before + field.json_name,
            "in": "query",
            "description": schemas.comment(field.full_name),
            "schema": schemas.field(field),
        }


def _error(schemas: Schemas) -> Json:
    for message in (status_pb2.Status, error_details_pb2.ErrorInfo, error_details_pb2.BadRequest):
        schemas.message(message.DESCRIPTOR)
    schemas.found["Status"]["description"] = (
        "Why a call failed. `code` is the gRPC code; among `details` is an `ErrorInfo` with the "
        "reason, wherever the ledger itself refused."
    )
    reasons = error_reason_pb2.DESCRIPTOR.enum_types_by_name["ErrorReason"]
    schemas.found["ErrorInfo"]["properties"]["reason"] = {
        "type": "string",
        "enum": [value.name for value in reasons.values],
    }
    return {
        "description": "The call failed; nothing was decided, or its outcome is not known.",
        "content": {
            "application/json": {
                "schema": {"$ref": f"{REF}Status"},
                "example": EXAMPLES["error"]["answer"],
            }
        },
    }
