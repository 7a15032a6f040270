"""Prints the plans of statements, short: how each table is read, how often, and from where."""

from collections.abc import Iterator, Mapping
from typing import Any

from history_fill import console

from yupana_server.journal.reads import JournalReader


class ExplainingReader(JournalReader):
    """Reads, and prints the plan of every statement as it reads."""

    async def rows(self, statement: str, parameters: Mapping[str, Any]) -> list[Any]:
        """Run a statement; explain it first."""
        explained = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}"
        [[[plan]]] = await super().rows(explained, parameters)
        console.print(
            f"    {plan['Planning Time']:.1f} ms to plan, {plan['Execution Time']:.1f} ms to run, "
            f"{_buffers(plan['Plan'])} buffers"
        )
        for line in _scans(plan["Plan"]):
            console.print(f"      {line}")
        return await super().rows(statement, parameters)


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
