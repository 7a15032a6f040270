"""The lines of an import's file, read one by one: memory stays small however long it is."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple, TypeAlias

from yupana_server.cli.import_lines import (
    FIELDS,
    LABEL_PREFIX,
    REQUIRED_FIELDS,
    JsonNumber,
    unknown_fields,
)
from yupana_server.runtime.config import ConfigError

Format: TypeAlias = Literal["csv", "jsonl"]
SUFFIXES: dict[str, Format] = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
# With all labels at their longest a line has about 70 kB even in escaped JSON.
LINE_SIZE_MAX_BYTES = 1024 * 1024
BYTE_ORDER_MARK = "\ufeff"


class Record(NamedTuple):
    """One line that should be a transfer."""

    number: int
    """Of the line in the file, from 1. A quoted CSV field may go over several: the first one."""
    fields: dict[str, object]
    problem: str = ""
    """Why its fields cannot be told."""


@dataclass(slots=True)
class Source:
    """A file that is being read."""

    file: BinaryIO
    read_bytes: int = 0
    """How far it was read."""

    def records(self, form: Format) -> Iterator[Record]:
        """Yield the lines that are not empty; those that cannot be read have a problem.

        Raises:
            ConfigError: The file's header is wrong, or it is no text file at all.
        """
        return self._csv_records() if form == "csv" else self._json_records()

    def _csv_records(self) -> Iterator[Record]:
        rows = csv.reader(self._lines(), strict=True)
        try:
            header = next(rows, None)
        except csv.Error as error:
            raise ConfigError(f"the header, line 1, is not CSV: {error}") from error
        columns = [] if header is None else [name.strip() for name in header]
        _check_header(columns)
        while True:
            number = rows.line_num + 1
            try:
                row = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                yield Record(number, {}, f"this is not CSV: {error}")
                continue
            if row:
                yield _csv_record(number, columns, row)

    def _json_records(self) -> Iterator[Record]:
        for number, line in enumerate(self._lines(), start=1):
            if line.strip():
                yield _json_record(number, line)

    def _lines(self) -> Iterator[str]:
        """Yield the lines as text. What is not UTF-8 is kept and will be no id and no label."""
        number = 0
        while line := self.file.readline(LINE_SIZE_MAX_BYTES + 1):
            number += 1
            if len(line) > LINE_SIZE_MAX_BYTES:
                raise ConfigError(
                    f"line {number} is longer than {LINE_SIZE_MAX_BYTES:,} bytes: this is neither "
                    "CSV nor JSON Lines"
                )
            self.read_bytes += len(line)
            text = line.decode(errors="surrogateescape")
            yield text.removeprefix(BYTE_ORDER_MARK) if number == 1 else text


def format_of(path: Path, given: Format | None) -> Format:
    """Return the file's format: as given, else by its suffix.

    Raises:
        ConfigError: The suffix tells nothing.
    """
    form = given or SUFFIXES.get(path.suffix.lower())
    if form is None:
        raise ConfigError(f"{path} ends in none of {', '.join(SUFFIXES)}: give --format")
    return form


def _check_header(columns: list[str]) -> None:
    if missing := [name for name in REQUIRED_FIELDS if name not in columns]:
        raise ConfigError(
            f"the header, line 1, has no column {', '.join(missing)}: the columns are "
            f"{','.join(FIELDS)}, of which {', '.join(REQUIRED_FIELDS)} are needed"
        )
    if unknown := unknown_fields(columns):
        raise ConfigError(
            f"the header, line 1, has a column {unknown[0]!r} that means nothing: remove it, or "
            f"call it {LABEL_PREFIX}{unknown[0]} to keep it as a label"
        )
    if len(set(columns)) < len(columns):
        raise ConfigError("the header, line 1, has a column twice")


def _csv_record(number: int, columns: list[str], row: list[str]) -> Record:
    if len(row) != len(columns):
        problem = f"{len(row)} fields where the header has {len(columns)}"
        return Record(number, {"row": row}, problem)
    return Record(number, dict(zip(columns, row, strict=True)))


def _json_record(number: int, line: str) -> Record:
    try:
        found = json.loads(line, parse_float=JsonNumber)
    except (ValueError, RecursionError) as error:
        return Record(number, {"text": line.rstrip("\r\n")}, f"this is not JSON: {error}")
    if not isinstance(found, dict):
        return Record(number, {"text": line.rstrip("\r\n")}, "this is not a JSON object")
    return Record(number, found)
