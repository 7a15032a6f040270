"""The report as JSON."""

import json
from dataclasses import asdict
from typing import Any

from yupana_server.bench.results import Report

DIGITS = 6
"""More than was ever measured."""


def to_json(report: Report) -> str:
    """Write the report as one JSON document, fields named as in `results`."""
    return json.dumps(_rounded(asdict(report)), indent=1) + "\n"


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, DIGITS)
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(each) for each in value]
    return value
