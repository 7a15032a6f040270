"""Figures as SVG that takes its colours from the page, so that it fits a light and a dark one."""

import io
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from yupana_server.bench.profiles import Baseline
from yupana_server.bench.results import OURS

SIZE_INCHES = (6.4, 3.4)

# Colours that stand for variables of the page's style sheet, and are replaced in the SVG.
INK, FAINT, GRID = "#010203", "#010204", "#010205"
SERIES = {
    OURS: "#01020a",
    str(Baseline.LIMIT): "#01020b",
    str(Baseline.PROCEDURE): "#01020c",
    str(Baseline.EACH): "#01020d",
    str(Baseline.SUMS): "#01020e",
    str(Baseline.EMPTY): "#01020f",
}
_VARIABLES: Mapping[str, str] = {
    INK: "var(--ink)",
    FAINT: "var(--faint)",
    GRID: "var(--grid)",
    **{color: f"var(--{name})" for name, color in SERIES.items()},
}
_STYLE: dict[Any, object] = {
    "svg.fonttype": "none",  # Text stays text, in the page's font.
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": GRID,
    "axes.labelcolor": FAINT,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": "none",
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.8,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.major.size": 0,
    "xtick.minor.size": 0,
    "ytick.major.size": 0,
    "ytick.minor.size": 0,
}
_NO_METADATA = {"Creator": None, "Date": None, "Format": None, "Type": None}


class Drawing:
    """A figure under way; `svg` is there after the `with` block of `drawing`."""

    svg = ""

    def __init__(self, axes: Axes):
        self.axes = axes


@contextmanager
def drawing(name: str, height: float = SIZE_INCHES[1]) -> Iterator[Drawing]:
    """Give axes to draw on. The name is the page's own: the parts of two figures must not mix."""
    with mpl.rc_context({**_STYLE, "svg.hashsalt": name}):
        figure = Figure(figsize=(SIZE_INCHES[0], height), layout="constrained")
        drawn = Drawing(figure.add_subplot())
        yield drawn
        written = io.StringIO()
        figure.savefig(written, format="svg", metadata=_NO_METADATA)
    drawn.svg = _themed(written.getvalue(), name)


def _themed(svg: str, name: str) -> str:
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r'\s(width|height)="[\d.]+pt"', "", svg, count=2)
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px", svg)
    # Groups are numbered from 1 in every figure.
    svg = re.sub(r'<g id="[^"]*">', "<g>", svg)
    for color, variable in _VARIABLES.items():
        svg = svg.replace(color, variable)
    return svg.replace("<svg ", f'<svg class="plot" id="{name}" ', 1)
