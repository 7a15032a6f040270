"""A real Jaeger, where there is one, and our collector's configuration run by it.

Jaeger 2 is a distribution of the OpenTelemetry collector that has all parts that our configuration
of the collector names: so the same program also runs that, as it is committed.
"""

import asyncio
import json
import os
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self

from yupana_server.dev.ports import pick_port

ROOT = Path(__file__).parent.parent.parent
BUILT = ROOT / "dist" / "jaeger"
"""Where `make jaeger` leaves it."""

COLLECTOR_CONFIG = ROOT / "observability" / "collector" / "config.yaml"

CONFIG = """
service:
  extensions: [jaeger_storage, jaeger_query]
  pipelines:
    traces: {{receivers: [otlp], exporters: [jaeger_storage_exporter]}}
  telemetry: {{metrics: {{level: none}}}}
extensions:
  jaeger_storage: {{backends: {{memory: {{memory: {{max_traces: 10000}}}}}}}}
  jaeger_query:
    storage: {{traces: memory}}
    http: {{endpoint: "127.0.0.1:{query}"}}
    grpc: {{endpoint: "127.0.0.1:{query_grpc}"}}
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:{otlp}"}}}}}}
exporters:
  jaeger_storage_exporter: {{trace_storage: memory}}
"""

FACT_TIMEOUT_S = 60.0


def find_jaeger() -> str | None:
    """Return the program: of YUPANA_JAEGER, of `make jaeger`, or on the PATH."""
    built = str(BUILT) if BUILT.exists() else None
    return os.environ.get("YUPANA_JAEGER") or built or shutil.which("jaeger")


class JaegerSpan(NamedTuple):
    """A span as the query API tells it."""

    id: str
    name: str
    service: str
    parent: str | None
    links: frozenset[tuple[str, str]]
    """Trace and span that it leads to."""
    tags: Mapping[str, Any]


class Process:
    """The program with a configuration."""

    def __init__(self, config: Path, log_path: Path, environment: Mapping[str, str]):
        self._log_path = log_path
        program = find_jaeger()
        assert program is not None
        with log_path.open("wb") as log:
            self._process = subprocess.Popen(
                [program, "--config", str(config)],
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    async def until(self, fact: Callable[[], Any]) -> Any:
        """Wait for something to be true of it, and return it."""
        async with asyncio.timeout(FACT_TIMEOUT_S):
            while not (found := await asyncio.to_thread(fact)):
                assert self._process.poll() is None, self.log()
                await asyncio.sleep(0.1)
        return found

    def log(self) -> str:
        return self._log_path.read_text(errors="replace")

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()


class Jaeger:
    """A Jaeger that keeps traces in memory, and what its query API says."""

    def __init__(self, folder: Path):
        self._query, otlp = pick_port(), pick_port()
        self.otlp = f"127.0.0.1:{otlp}"
        config = folder / "jaeger.yaml"
        ports = {"query": self._query, "query_grpc": pick_port(), "otlp": otlp}
        config.write_text(CONFIG.format(**ports))
        self.process = Process(config, folder / "jaeger.log", {})

    async def start(self) -> Self:
        await self.process.until(lambda: self._ask("services") is not None)
        return self

    def trace(self, trace_id: str) -> list[JaegerSpan]:
        """Return the spans of a trace; none when it is not there."""
        found = self._ask(f"traces/{trace_id}")
        if not found:
            return []
        processes = found[0]["processes"]
        return [_span(each, processes) for each in found[0]["spans"]]

    def operations(self, service: str) -> list[str]:
        return self._ask(f"services/{service}/operations") or []

    def _ask(self, what: str) -> Any:
        """Return what the API answers; None while it does not."""
        url = f"http://127.0.0.1:{self._query}/api/{what}"
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return json.load(answer)["data"] or []
        except (urllib.error.URLError, OSError):
            return None


def _span(found: Mapping[str, Any], processes: Mapping[str, Any]) -> JaegerSpan:
    references = found["references"]
    same = [r for r in references if r["refType"] == "CHILD_OF"]
    return JaegerSpan(
        id=found["spanID"],
        name=found["operationName"],
        service=processes[found["processID"]]["serviceName"],
        parent=same[0]["spanID"] if same else None,
        links=frozenset((r["traceID"], r["spanID"]) for r in references if r not in same),
        tags={tag["key"]: tag["value"] for tag in found["tags"]},
    )
