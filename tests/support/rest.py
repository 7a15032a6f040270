"""REST as a caller without our client speaks it."""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

TIMEOUT_S = 20.0


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def reason(self) -> str:
        """The reason of the contract that the error names."""
        return str(self.json["details"][0]["reason"]).removeprefix("ERROR_REASON_")


@dataclass(frozen=True)
class Rest:
    """Calls one server, each time by a connection of its own."""

    address: str

    def call(
        self,
        verb: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] = {},
    ) -> Answer:
        """Send a request; a body that is no bytes goes as JSON."""
        connection = http.client.HTTPConnection(self.address, timeout=TIMEOUT_S)
        try:
            sent = body if isinstance(body, bytes | None) else json.dumps(body).encode()
            kind = {} if body is None else {"content-type": "application/json"}
            connection.request(verb, path, sent, {**kind, **headers})
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.headers.items()), answer.read())
        finally:
            connection.close()

    def get(self, path: str) -> Answer:
        return self.call("GET", path)

    def post(self, path: str, body: Any, **headers: str) -> Answer:
        """Post JSON; `headers` with `_` for `-`."""
        return self.call(
            "POST", path, body, {name.replace("_", "-"): value for name, value in headers.items()}
        )
