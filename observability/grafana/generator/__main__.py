"""Writes all dashboards as JSON, and removes what is none any more."""

import json
from pathlib import Path

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from generator import integrity, ledger, objectives, postgres, runbooks, service

FOLDER = Path(__file__).parent.parent / "dashboards"
"""Where Grafana finds them; its sub-folders are folders in Grafana."""


def main() -> None:
    """Write them."""
    for old in FOLDER.rglob("*.json"):
        old.unlink()
    for module in (service, ledger, postgres, integrity, objectives):
        _write(FOLDER / "Yupana", module.dashboard())
    for dashboard in runbooks.dashboards():
        _write(FOLDER / "Runbooks", dashboard)


def _write(folder: Path, dashboard: Dashboard) -> None:
    built = dashboard.build()
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(built, cls=JSONEncoder, indent=1, sort_keys=True, ensure_ascii=False)
    (folder / f"{built.uid}.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
