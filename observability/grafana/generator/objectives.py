"""SLO: the objectives, what is left of their error budgets, and how fast that goes."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from generator.pages import page
from generator.panels import OF_THE_METHOD, WITH_ERRORS, Panel, Query, lines, number
from generator.service import CALLS, FAILED

RUNBOOKS = {
    "availability": ["YupanaAvailabilityBurnsFast", "YupanaAvailabilityBurnsSlowly"],
    "latency": ["YupanaLatencyBurnsFast", "YupanaLatencyBurnsSlowly"],
}
SUCCEEDED = 'rpc_response_status_code="OK",rpc_method!~".*Stream"'


def dashboard() -> Dashboard:
    """Return the dashboard."""
    return page(
        "yupana-slo",
        "Yupana / SLO",
        "Objectives over 30 days: 99.9 % of calls do not fail, 99 % are answered within 250 ms.",
        [
            *_objective("availability", "Share of calls that did not fail, over 30 days."),
            *_objective("latency", "Share of successful calls within 250 ms, over 30 days."),
            *_causes(),
        ],
    )


def _objective(slo: str, meaning: str) -> list[Panel]:
    this = f'slo="{slo}"'
    title = slo.capitalize()
    return [
        number(
            f"{title}: reached",
            meaning,
            "percentunit",
            f'1 - yupana:slo_errors:ratio{{{this},window="30d"}}',
            bad_below=0.999 if slo == "availability" else 0.99,
            runbooks=RUNBOOKS[slo],
        ).height(8),
        number(
            f"{title}: budget left",
            "What is left of the errors that the objective allows in 30 days; below 0 it is "
            "broken.",
            "percentunit",
            f"yupana:slo_budget_left:ratio{{{this}}}",
            bad_below=0.1,
            runbooks=RUNBOOKS[slo],
        ).height(8),
        lines(
            f"{title}: burn rate",
            "How many times as fast as allowed the budget goes: at 1 it lasts for 30 days. Over "
            "14.4 in 1h and 5m, or over 6 in 6h and 30m, somebody is paged.",
            "none",
            [Query(f"yupana:slo_burn:ratio{{{this}}}", "{{window}}")],
            runbooks=RUNBOOKS[slo],
            traces=WITH_ERRORS if slo == "availability" else "",
        ),
        lines(
            f"{title}: bad calls",
            "Share of bad calls over 5 minutes and an hour, beside what the objective allows.",
            "percentunit",
            [
                Query(f'yupana:slo_errors:ratio{{{this},window=~"5m|1h"}}', "{{window}}"),
                Query(f"1 - yupana:slo_objective:ratio{{{this}}}", "allowed"),
            ],
            runbooks=RUNBOOKS[slo],
            traces=WITH_ERRORS if slo == "availability" else "",
        ),
    ]


def _causes() -> list[Panel]:
    failed = (
        f"sum by (rpc_method, rpc_response_status_code) (rate({CALLS}_count{{{FAILED}}}"
        "[$__rate_interval])) or on () vector(0)"
    )
    slow = (
        f"sum by (rpc_method) (rate({CALLS}_count{{{SUCCEEDED}}}[$__rate_interval])) "
        f'- sum by (rpc_method) (rate({CALLS}_bucket{{{SUCCEEDED},le="0.25"}}[$__rate_interval]))'
    )
    return [
        lines(
            "What fails",
            "Calls a second that use up the budget for availability, by method and code.",
            "reqps",
            [Query(failed, "{{rpc_method}} {{rpc_response_status_code}}")],
            runbooks=RUNBOOKS["availability"],
            traces=WITH_ERRORS,
        ),
        lines(
            "What is slow",
            "Calls a second that succeed after more than 250 ms, by method.",
            "reqps",
            [Query(slow, "{{rpc_method}}")],
            runbooks=RUNBOOKS["latency"],
            traces=f"{OF_THE_METHOD}&minDuration=250ms",
        ),
        lines(
            "Alerts on objectives",
            "Alerts that fire or are about to.",
            "none",
            [
                Query(
                    'count by (alertname, alertstate) (ALERTS{alertname=~"Yupana.*Burns.*"}) '
                    "or on () vector(0)",
                    "{{alertname}} {{alertstate}}",
                )
            ],
        ),
    ]
