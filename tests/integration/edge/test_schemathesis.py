"""Requests made up by Schemathesis from the OpenAPI document: no answer may be against it."""

import subprocess
import sys
from pathlib import Path

from yupana_server.dev.envoy import EmbeddedEnvoy

EXAMPLES = 10
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
]
STREAMS = "/v1/books/{book}/events"
"""Answers without end."""


def test_edge_when_called_by_the_document_then_no_answer_is_against_it(
    edge: EmbeddedEnvoy, tmp_path: Path
) -> None:
    command = [Path(sys.executable).with_name("schemathesis"), "run", f"{edge.url}/openapi.json"]
    options = ["--checks", ",".join(CHECKS), "--exclude-path", STREAMS, "--seed", "1"]
    options += ["--max-examples", str(EXAMPLES), "--phases", "examples,fuzzing"]
    done = subprocess.run(
        [*command, *options], cwd=tmp_path, capture_output=True, text=True, timeout=110, check=False
    )
    assert done.returncode == 0, done.stdout
    assert "❌" not in done.stdout
    assert "🚫" not in done.stdout
