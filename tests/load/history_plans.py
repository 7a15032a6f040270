"""Prints the plans of statements, short: how each table is read, how often, and from where."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import psycopg
from history_fill import console
from psycopg import sql

from yupana_server.journal.connect import session_settings
from yupana_server.journal.reads import JournalReader


class ExplainingReader(JournalReader):
    """Reads, and prints the plan of every statement as it reads."""

    def __init__(self, url: str, *, connections_max: int):
        super().__init__(url, connections_max=connections_max)
        self._url = url

    async def rows(self, statement: str, parameters: Mapping[str, Any]) -> list[Any]:
        """Run a statement; explain it first."""
        plan = await self._plan(statement, parameters)
        console.print(
            f"    {plan['Planning Time']:.1f} ms to plan, {plan['Execution Time']:.1f} ms to run, "
            f"{_buffers(plan['Plan'])} buffers"
        )
        for line in _scans(plan["Plan"]):
            console.print(f"      {line}")
        return await super().rows(statement, parameters)

    async def _plan(self, statement: str, parameters: Mapping[str, Any]) -> Any:
        """Return the plan that the ledger gets, which is made without a look at the values."""
        names = list(dict.fromkeys(_NAMED.findall(statement)))
        text = _NAMED.sub(lambda found: f"${names.index(found[1]) + 1}", statement)
        types = ", ".join(_type(parameters[name]) for name in names)
        values = sql.SQL(", ").join(parameters[name] for name in names)
        async with await psycopg.AsyncConnection.connect(
            self._url, autocommit=True, **session_settings("explain")
        ) as connection:
            await connection.execute(sql.SQL(f"PREPARE explained ({types}) AS {text}"))
            cursor = await connection.execute(
                sql.SQL("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE explained ({})").format(
                    values
                )
            )
            [[[plan]]] = await cursor.fetchall()
        return plan


_NAMED = re.compile(r"%\((\w+)\)s")


def _type(value: Any) -> str:
    if isinstance(value, list):
        return f"{_type(value[0])}[]"
    return "text" if isinstance(value, str) else "bigint"


def _buffers(node: Mapping[str, Any]) -> int:
    return int(node["Shared Hit Blocks"]) + int(node["Shared Read Blocks"])


def _scans(node: Mapping[str, Any]) -> Iterator[str]:
    read = node.get("Index Name") or node.get("Relation Name")
    ran = node["Actual Loops"]
    if read is not None and ran:
        rows = round(node["Actual Rows"] * ran)
        skipped = round(node.get("Rows Removed by Filter", 0) * ran)
        yield (
            f"{node['Node Type']} {read}: {ran} times, {rows} rows, {skipped} skipped, "
            f"{_buffers(node)} buffers"
        )
    elif node["Node Type"] in ("Sort", "HashAggregate", "WindowAgg") and ran:
        yield f"{node['Node Type']}: {round(node['Actual Rows'] * ran)} rows"
    for child in node.get("Plans", ()):
        yield from _scans(child)
