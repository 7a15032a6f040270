"""Debian's Prometheus and promtool, as they are installed on this machine."""

import json
import math
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import yaml

from yupana_server.dev.ports import pick_port

OBSERVABILITY = Path(__file__).parent.parent.parent / "observability"
RULES = OBSERVABILITY / "prometheus"
START_TIMEOUT_S = 60.0


def tool(name: str) -> str:
    """Return where `prometheus` or `promtool` is.

    Raises:
        AssertionError: It is not installed; says what to do.
    """
    found = shutil.which(name)
    assert found, f"{name} is not installed: apt-get install prometheus (no service needs to run)"
    return found


def promtool(*arguments: object) -> str:
    """Run promtool; returns what it said.

    Raises:
        AssertionError: It found something wrong.
    """
    command = [tool("promtool"), *map(str, arguments)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    output = ended.stdout + ended.stderr
    assert ended.returncode == 0, output
    return output


class Prometheus:
    """A Prometheus with our rules that scrapes the given targets twice a second."""

    def __init__(self, folder: Path, jobs: dict[str, list[str]]):
        """`jobs` are the addresses to scrape, by the name of the job."""
        self.port = pick_port()
        self.log_path = folder / "prometheus.log"
        self._folder = folder
        self._jobs = jobs
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Prometheus":
        config = {
            "global": {"scrape_interval": "500ms", "evaluation_interval": "1s"},
            "rule_files": [self._hurried(RULES / name) for name in ("recording.yml", "alerts.yml")],
            "scrape_configs": [
                {
                    "job_name": job,
                    "honor_labels": True,
                    "static_configs": [{"targets": targets}],
                }
                for job, targets in self._jobs.items()
            ],
        }
        path = self._folder / "prometheus.yml"
        path.write_text(yaml.safe_dump(config))
        with self.log_path.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    tool("prometheus"),
                    f"--config.file={path}",
                    f"--storage.tsdb.path={self._folder / 'data'}",
                    f"--web.listen-address=127.0.0.1:{self.port}",
                    "--enable-feature=exemplar-storage",
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._until_ready()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the series that an expression gives now, each with `metric` and `value`."""
        result: list[dict[str, Any]] = self._ask("query", query=expression)["result"]
        return result

    def has_data(self, expression: str) -> bool:
        """Whether an expression gives a number at least; NaN is none."""
        return any(not math.isnan(float(each["value"][1])) for each in self.query(expression))

    def exemplars(self, selector: str) -> list[str]:
        """Return the ids of the traces that points of the last minutes lead to."""
        now = time.time()
        found = self._ask("query_exemplars", query=selector, start=str(now - 300), end=str(now))
        return [each["labels"]["trace_id"] for series in found for each in series["exemplars"]]

    def query_range(
        self, expression: str, began_at: float, ended_at: float, step_s: float
    ) -> list[dict[str, Any]]:
        """Return the series that an expression gave, each with `metric` and `values`."""
        result: list[dict[str, Any]] = self._ask(
            "query_range",
            query=expression,
            start=str(began_at),
            end=str(ended_at),
            step=str(step_s),
        )["result"]
        return result

    def rules(self) -> list[dict[str, Any]]:
        """Return all rules with their health, and the last error if there was one."""
        return [rule for group in self._ask("rules")["groups"] for rule in group["rules"]]

    def _ask(self, what: str, **parameters: str) -> Any:
        url = f"http://127.0.0.1:{self.port}/api/v1/{what}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{parameters}: {error.read().decode()}") from None

    def _hurried(self, rules: Path) -> str:
        """Copy rules so that all groups are evaluated every second; returns where they are."""
        content = yaml.safe_load(rules.read_text())
        for group in content["groups"]:
            group.pop("interval", None)
        path = self._folder / rules.name
        path.write_text(yaml.safe_dump(content))
        return str(path)

    def _until_ready(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                url = f"http://127.0.0.1:{self.port}/-/ready"
                with urllib.request.urlopen(url, timeout=5):
                    return
            except OSError:
                assert self._process is not None
                if self._process.poll() is not None or time.monotonic() > deadline:
                    self.__exit__()
                    raise AssertionError(self.log_path.read_text()) from None
                time.sleep(0.05)
