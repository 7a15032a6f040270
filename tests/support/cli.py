"""Runs the `yupana` command in this process, as the script does, for a start of a second each."""

import itertools
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import structlog

from yupana_server.cli.main import main

_names = itertools.count(1)


@dataclass(frozen=True)
class Answer:
    """What a command did."""

    code: int
    output: str
    errors: str

    @property
    def json(self) -> Any:
        return json.loads(self.output)

    @property
    def wrong(self) -> str:
        """What was wrong with the command line, without the box around it and its line breaks."""
        return " ".join(self.errors.replace("│", " ").split())


Run = Callable[..., Answer]


def make_run(
    server: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Return what runs the command against a server."""
    monkeypatch.setenv("YUPANA_SERVER", server)

    def run(*arguments: object) -> Answer:
        monkeypatch.setattr(sys, "argv", ["yupana", *map(str, arguments)])
        try:
            with pytest.raises(SystemExit) as exited:
                main()
        finally:
            structlog.reset_defaults()  # A command's logs are the process's own otherwise.
        captured = capsys.readouterr()
        return Answer(int(exited.value.code or 0), captured.out, captured.err)

    return run


def make_shop(run: Run) -> str:
    """Make a book with USD, EUR, `world`, and a wallet with a floor."""
    name = f"cli-{next(_names)}"
    for command in (
        ("book", "create", name),
        ("book", "open-asset", name, "USD", "--scale", 2),
        ("book", "open-asset", name, "EUR", "--scale", 2),
        ("account", "open", name, "world", "--asset", "USD", "--side", "debit"),
        ("account", "open", name, "users:1:wallet", "--asset", "USD", "--min-balance", 0),
    ):
        answer = run(*command)
        assert answer.code == 0, answer.errors
    return name
