"""Draws a dashboard as an operator sees it, from a real run: for the README.

    PYTHONPATH=tests .venv/bin/python tests/load/dashboard_picture.py docs/dashboard.png

All services run under a Prometheus, callers come and go for some minutes, and every panel of the
Service dashboard is drawn from what its own queries give: same layout, titles, units and legends
as in Grafana, which is not needed for it.
"""

import asyncio
import json
import math
import re
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import dates
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from support.dashboards import DASHBOARDS, panels
from support.databases import make_database, make_template
from support.observed import BOOK, Observed, observed, use_all_kinds
from support.traffic import Traffic
from yupana import Yupana
from yupana_server.dev.postgres import EmbeddedPostgres

UID = "yupana-service"
MINUTES = 2.5
BOOKS = ("tickets", "wallets", "stock", "points")
STEP_S = 2
ROWS_MAX = 28
"""What is further down is left out: the picture is for a page."""
CHOICES = {"$__rate_interval": "20s", "$instance": ".*", "$book": ".*"}

BACKGROUND, PANEL, TEXT, FAINT = "#111217", "#181b1f", "#d8d9da", "#8e8e93"
GREEN, RED = "#73bf69", "#f2495c"
COLORS = ("#73bf69", "#f2cc0c", "#8ab8ff", "#ff780a", "#f2495c", "#5794f2", "#b877d9", "#70dbed")

UNITS = {
    "reqps": " req/s",
    "percentunit": " %",
    "s": " s",
    "bytes": " MB",
    "ops": " /s",
    "none": "",
}


async def callers_come_and_go(running: Observed) -> None:
    """Make traffic that grows and shrinks, with mistakes of callers in between."""
    async with Yupana(*[each.address for each in running.ledgers]) as yupana:
        until = time.monotonic() + 60 * MINUTES
        while time.monotonic() < until:
            part = 1 - (until - time.monotonic()) / (60 * MINUTES)
            busy = 0.5 - 0.5 * math.cos(2 * math.pi * (1.5 * part + 0.1))
            callers, pause_s = 1 + round(3 * busy), 0.05 + 0.1 * (1 - busy)
            await asyncio.gather(*(_serve(yupana, book, callers, pause_s) for book in BOOKS))
            await use_all_kinds(yupana.book(BOOK))


async def _serve(yupana: Yupana, book: str, callers: int, pause_s: float) -> None:
    """Call for some seconds; what fails meanwhile belongs to the picture."""
    async with Traffic(yupana, book, callers=callers, pause_s=pause_s):
        await asyncio.sleep(8)


def draw(dashboard: Path, running: Observed, began_at: float, ended_at: float) -> plt.Figure:
    """Draw all panels of a dashboard."""
    mpl.rcParams.update({"text.color": TEXT, "font.size": 8, "font.family": "DejaVu Sans"})
    found = [panel for panel in panels(dashboard) if panel["gridPos"]["y"] < ROWS_MAX]
    rows = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in found)
    figure = plt.figure(figsize=(15, rows * 0.36 + 0.5), facecolor=BACKGROUND, dpi=110)
    title = json.loads(dashboard.read_text())["title"]
    top = 1 - 0.42 / figure.get_figheight()
    figure.text(0.008, 1 - 0.27 / figure.get_figheight(), title, fontsize=13, weight="bold")
    for panel in found:
        place = panel["gridPos"]
        height = place["h"] / rows * top
        bottom = top - (place["y"] + place["h"]) / rows * top
        box = figure.add_axes(
            (place["x"] / 24 + 0.003, bottom + 0.003, place["w"] / 24 - 0.006, height - 0.006)
        )
        box.set_facecolor(PANEL)
        box.set_xticks([])
        box.set_yticks([])
        for side in box.spines.values():
            side.set_color("#25282d")
        box.text(
            0.02, 1 - 0.09 * 8 / place["h"] * 0.9, panel["title"],
            weight="bold", transform=box.transAxes,
        )  # fmt: skip
        series = _series(panel, running, began_at, ended_at)
        (_draw_number if panel["type"] == "stat" else _draw_lines)(box, panel, series)
    return figure


def _series(
    panel: dict[str, Any], running: Observed, began_at: float, ended_at: float
) -> list[tuple[str, list[float], list[float]]]:
    """Return the lines of a panel: legend, times, values."""
    lines = []
    for target in panel["targets"]:
        expression = target["expr"]
        for variable, choice in CHOICES.items():
            expression = expression.replace(variable, choice)
        for found in running.prometheus.query_range(expression, began_at, ended_at, STEP_S):
            legend = target.get("legendFormat", "")
            for label, value in found["metric"].items():
                short = value.rpartition("/")[2].removeprefix("127.0.0.1").removeprefix("yupana-")
                legend = legend.replace(f"{{{{{label}}}}}", short)
            legend = re.sub(r"\{\{.*?\}\}", "", legend).strip()
            points = [(at, float(value)) for at, value in found["values"] if value != "NaN"]
            if points:
                lines.append((legend or "none", *map(list, zip(*points, strict=True))))
    return lines  # type: ignore[return-value]


def _scaled(values: list[float], unit: str) -> list[float]:
    factor = {"percentunit": 100.0, "bytes": 1e-6}.get(unit, 1.0)
    return [value * factor for value in values]


def _draw_number(box: Axes, panel: dict[str, Any], series: list[Any]) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    _, times, values = series[0]
    scaled = _scaled(values, defaults["unit"])
    steps = defaults["thresholds"]["steps"]
    color = [each["color"] for each in steps if (each["value"] or -1e9) <= values[-1]][-1]
    shade = GREEN if color == "green" else RED
    inner = box.inset_axes((0, 0, 1, 0.42))
    inner.plot(times, scaled, color=shade, linewidth=1)
    inner.fill_between(times, scaled, color=shade, alpha=0.2)
    inner.set_ylim(0, max(scaled) * 1.1 or 1)
    inner.axis("off")
    text = _said(scaled[-1], defaults["unit"])
    box.text(
        0.5, 0.55, text, color=shade, fontsize=21, weight="bold",
        ha="center", va="center", transform=box.transAxes,
    )  # fmt: skip


def _said(value: float, unit: str, top: float | None = None) -> str:
    """Say a value with its unit, as exactly as values up to `top` need it."""
    top = value if top is None else top
    if unit == "s":
        return f"{value * 1000:.0f} ms" if top < 1 else f"{value:.2f} s"
    digits = 0 if value == int(value) or top >= 10 else 1 if top >= 1 else 2
    return f"{value:,.{digits}f}{UNITS[unit]}"


def _draw_lines(box: Axes, panel: dict[str, Any], series: list[Any]) -> None:
    unit = panel["fieldConfig"]["defaults"]["unit"]
    inner = box.inset_axes((0.12, 0.26, 0.86, 0.6))
    inner.set_facecolor(PANEL)
    for number, (legend, times, values) in enumerate(series):
        at = [datetime.fromtimestamp(each, UTC) for each in times]
        scaled = _scaled(values, unit)
        color = COLORS[number % len(COLORS)]
        inner.plot(at, scaled, color=color, linewidth=1.2, label=legend)
        inner.fill_between(at, scaled, color=color, alpha=0.06)
    inner.set_ylim(bottom=0)
    top = inner.get_ylim()[1]
    inner.grid(color="#2c3035", linewidth=0.6)
    inner.tick_params(colors=FAINT, labelsize=7, length=0)
    inner.xaxis.set_major_formatter(dates.DateFormatter("%H:%M"))
    inner.xaxis.set_major_locator(dates.MinuteLocator())
    inner.yaxis.set_major_locator(plt.MaxNLocator(4))
    inner.yaxis.set_major_formatter(lambda value, _: _said(value, unit, top))
    for side in inner.spines.values():
        side.set_visible(False)
    box.legend(
        *inner.get_legend_handles_labels(), loc="lower left", ncols=3, fontsize=6.5,
        frameon=False, labelcolor=TEXT, handlelength=1.2, columnspacing=1.2, borderaxespad=0.3,
    )  # fmt: skip


def main() -> None:
    """Run everything, draw, and write the picture to the path that is given."""
    path = Path(sys.argv[1])
    dashboard = next(each for each in DASHBOARDS if each.stem == UID)
    with tempfile.TemporaryDirectory() as name, EmbeddedPostgres(Path(name) / "data") as server:
        make_template(server)
        with observed(make_database(server), Path(name)) as running:
            began_at = time.time()
            asyncio.run(callers_come_and_go(running))
            figure = draw(dashboard, running, began_at + 25, time.time())
    figure.savefig(path, facecolor=BACKGROUND)


if __name__ == "__main__":
    main()
