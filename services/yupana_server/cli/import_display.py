"""What an import shows on the way, and the file of lines that were not posted."""

import json
import os
import stat
import time
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from yupana_server.cli.import_sender import Reject, Tally
from yupana_server.cli.output import stderr

# Where nobody watches a bar, for instance in a log.
PLAIN_LINE_EVERY_S = 5.0


class Display:
    """A progress bar on stderr, or a plain line every few seconds where that is no terminal."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._console = stderr()
        self._size_bytes = _size_bytes(file)
        self._started_s = self._shown_s = time.monotonic()
        self._progress = _bar(self._console)
        self._task = self._progress.add_task(f"importing {name}", total=self._size_bytes, done="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def show(self, tally: Tally, read_bytes: int) -> None:
        """Show how far the import is."""
        done = self._done(tally)
        if self._console.is_terminal:
            self._progress.update(self._task, completed=read_bytes, done=done)
        elif time.monotonic() - self._shown_s >= PLAIN_LINE_EVERY_S:
            self._shown_s = time.monotonic()
            share = f" ({read_bytes / self._size_bytes:.0%})" if self._size_bytes else ""
            self._console.print(f"importing: {done}{share}", soft_wrap=True)

    def note(self, text: str) -> None:
        """Tell that something is wrong; the import goes on."""
        self._console.print(f"yupana: {text}", markup=False, soft_wrap=True)

    def _done(self, tally: Tally) -> str:
        answered = tally.posted + tally.replayed + tally.rejected + tally.refused + tally.bad
        per_s = answered / max(time.monotonic() - self._started_s, 0.001)
        failed = answered - tally.posted - tally.replayed
        trouble = f", {failed:,} not posted" if failed else ""
        return f"{answered:,} lines{trouble}, {per_s:,.0f}/s"


class RejectsFile:
    """Lines that were not posted, as JSON Lines. There is no file when there are none.

    An earlier import's file is replaced at the first such line, or removed at the end.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: TextIO | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()
        elif error is None:
            self._path.unlink(missing_ok=True)

    def write(self, reject: Reject) -> None:
        """Add a line."""
        if self._file is None:
            self._file = self._path.open("w")
        record = {
            "line": reject.record.number,
            "reason": reject.reason,
            "message": reject.message,
            "fields": reject.record.fields,
        }
        self._file.write(json.dumps(record) + "\n")


def _size_bytes(file: BinaryIO) -> int | None:
    status = os.fstat(file.fileno())
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[done]}", markup=False),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,  # It would leave an empty line in a log.
    )
