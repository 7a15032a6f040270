"""The report as files."""

from pathlib import Path

from yupana_server.bench.report.as_json import to_json
from yupana_server.bench.results import Report

JSON_NAME = "results.json"
PAGE_NAME = "results.html"


def require_plots() -> None:
    """Find out before the benchmark whether the page can be made after it.

    Raises:
        ModuleNotFoundError: What draws the plots is not installed.
    """
    import matplotlib  # noqa: F401, PLC0415 (takes most of a second)


def write(report: Report, folder: Path) -> list[Path]:
    """Write the JSON document and the page, and return where they are."""
    from yupana_server.bench.report.page import to_page  # noqa: PLC0415

    folder.mkdir(parents=True, exist_ok=True)
    written = {JSON_NAME: to_json(report), PAGE_NAME: to_page(report)}
    for name, text in written.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in written]
