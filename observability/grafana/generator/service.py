"""Service: rate, errors, duration and saturation of calls, by method and by process."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from generator.pages import INSTANCE, page
from generator.panels import (
    OF_THE_METHOD,
    WITH_ERRORS,
    Panel,
    Query,
    lines,
    number,
    quantiles,
)

CALLS = "rpc_server_call_duration_seconds"
HERE = 'instance=~"$instance"'
FAILED = (
    'rpc_response_status_code=~"UNKNOWN|DEADLINE_EXCEEDED|UNIMPLEMENTED|INTERNAL|UNAVAILABLE|'
    'DATA_LOSS|RESOURCE_EXHAUSTED"'
)
ANSWERED = f'{HERE},rpc_response_status_code="OK",rpc_method!~".*Stream"'


def dashboard() -> Dashboard:
    """Return the dashboard."""
    return page(
        "yupana-service",
        "Yupana / Service",
        "How the calls to the ledgers go, and how the processes stand.",
        [*_overview(), *_calls(), *_saturation(), *_processes()],
        variables=[INSTANCE],
    )


def _overview() -> list[Panel]:
    return [
        number(
            "Calls",
            "Calls a second that ended, of all methods.",
            "reqps",
            f"sum(rate({CALLS}_count{{{HERE}}}[$__rate_interval]))",
        ),
        number(
            "Failed",
            "Share of calls that ended with a code that is the server's fault, or OVERLOADED.",
            "percentunit",
            f"sum(rate({CALLS}_count{{{HERE},{FAILED}}}[$__rate_interval])) "
            f"/ (sum(rate({CALLS}_count{{{HERE}}}[$__rate_interval])) > 0) or on () vector(0)",
            bad_above=0.001,
            runbooks=["YupanaAvailabilityBurnsFast"],
        ),
        number(
            "p99",
            "99 of 100 calls that succeed are faster; without ExecuteStream.",
            "s",
            f"histogram_quantile(0.99, sum by (le) (rate({CALLS}_bucket{{{ANSWERED}}}"
            "[$__rate_interval])))",
            bad_above=0.25,
            runbooks=["YupanaLatencyBurnsFast"],
        ),
        number(
            "In flight",
            "Calls that are being worked on now.",
            "none",
            f"sum(yupana_rpc_in_flight{{{HERE}}})",
        ),
        number(
            "Processes",
            "Ledgers, feeds and workers that send metrics.",
            "none",
            'count(process_thread_count{job=~"yupana-.+"})',
            bad_below=2,
            runbooks=["YupanaProcessMissing"],
        ),
        number(
            "Alerts",
            "Alerts that fire now.",
            "none",
            'count(ALERTS{alertname=~"Yupana.*",alertstate="firing"}) or on () vector(0)',
            bad_above=1,
        ),
    ]


def _calls() -> list[Panel]:
    rate = f"sum by (rpc_method) (rate({CALLS}_count{{{HERE}}}[$__rate_interval]))"
    errors = (
        f"sum by (rpc_response_status_code) (rate({CALLS}_count"
        f'{{{HERE},rpc_response_status_code!="OK"}}[$__rate_interval])) or on () vector(0)'
    )
    kept_out = (
        f"sum by (yupana_reason) (rate(yupana_access_refused_total{{{HERE}}}[$__rate_interval]))"
    )
    slowest = (
        f"histogram_quantile(0.99, sum by (le, rpc_method) (rate({CALLS}_bucket{{{ANSWERED}}}"
        "[$__rate_interval])))"
    )
    return [
        lines(
            "Rate by method",
            "Calls a second that ended. One call may carry thousands of commands: see Ledger.",
            "reqps",
            [Query(rate, "{{rpc_method}}")],
            traces=OF_THE_METHOD,
        ),
        lines(
            "Errors by code",
            "Calls a second that ended with another code than OK. INVALID_ARGUMENT, NOT_FOUND and "
            "FAILED_PRECONDITION are the callers' own; rejections by business rules are none.",
            "reqps",
            [Query(errors, "{{rpc_response_status_code}}")],
            runbooks=["YupanaAvailabilityBurnsFast", "YupanaAvailabilityBurnsSlowly"],
            traces=WITH_ERRORS,
        ),
        lines(
            "Not let in",
            "Calls and requests of streams a second that were refused for who makes them, at the "
            "edge too: no good key, no grant, or beyond a quota.",
            "reqps",
            [Query(kept_out, "{{yupana_reason}}")],
            runbooks=["YupanaCallersRefused"],
        ),
        lines(
            "Duration",
            "Of calls that succeed, without ExecuteStream. Points are single calls: click for the "
            "trace.",
            "s",
            quantiles(CALLS, ANSWERED),
            runbooks=["YupanaLatencyBurnsFast", "YupanaLatencyBurnsSlowly"],
            traces="",
        ),
        lines(
            "Duration by method, p99",
            "99 of 100 calls of the method that succeed are faster.",
            "s",
            [Query(slowest, "{{rpc_method}}", exemplars=True)],
            runbooks=["YupanaLatencyBurnsFast"],
            traces=OF_THE_METHOD,
        ),
    ]


def _saturation() -> list[Panel]:
    refused = (
        f"sum by (rpc_method) (rate({CALLS}_count"
        f'{{{HERE},rpc_response_status_code="RESOURCE_EXHAUSTED"}}[$__rate_interval])) '
        "or on () vector(0)"
    )
    return [
        lines(
            "In flight",
            "Calls that are being worked on, by server; at YUPANA_RPCS_MAX further ones are "
            "refused.",
            "none",
            [Query(f"yupana_rpc_in_flight{{{HERE}}}", "{{instance}}")],
            runbooks=["YupanaQueueSaturated"],
        ),
        lines(
            "Refused for overload",
            "Calls a second that got RESOURCE_EXHAUSTED: recorded nowhere, safe to send again.",
            "reqps",
            [Query(refused, "{{rpc_method}}")],
            runbooks=["YupanaQueueSaturated"],
            traces="",
        ),
        lines(
            "Event loop lag, p95",
            "By how much timers are late. Everything that the process does is late by as much.",
            "s",
            [
                Query(
                    "histogram_quantile(0.95, sum by (le, job, instance) "
                    f"(rate(yupana_event_loop_lag_seconds_bucket{{{HERE}}}[$__rate_interval])))",
                    "{{job}} {{instance}}",
                )
            ],
            runbooks=["YupanaEventLoopLag"],
        ),
    ]


def _processes() -> list[Panel]:
    name = "{{job}} {{instance}}"
    own = f'job=~"yupana-.+",{HERE}'
    cpu = (
        f"sum by (job, instance) (rate(process_cpu_time_seconds_total{{{own}}}[$__rate_interval]))"
    )
    files = f"process_open_file_descriptor_count{{{own}}}"
    collections = (
        "sum by (job, instance) (rate(cpython_gc_collections_total"
        f'{{{own},cpython_gc_generation="2"}}[$__rate_interval]))'
    )
    releases = (
        "count by (job, yupana_version, yupana_schema, python_version) "
        f"(yupana_build_info{{{own}}})"
    )
    return [
        lines(
            "CPU",
            "Cores in use. Python uses one core for its own work: near 1 the process is full.",
            "none",
            [Query(cpu, name)],
            runbooks=["YupanaEventLoopLag"],
        ),
        lines(
            "Memory",
            "Resident memory of the process.",
            "bytes",
            [Query(f"process_memory_usage_bytes{{{own}}}", name)],
        ),
        lines(
            "Files, sockets and threads",
            "Open files and sockets: one for each connection of a caller and to Postgres.",
            "none",
            [
                Query(files, f"{name} files"),
                Query(f"process_thread_count{{{own}}}", f"{name} threads"),
            ],
        ),
        lines(
            "Full garbage collections",
            "Runs of Python's cycle collector over everything. Each stops the process.",
            "ops",
            [Query(collections, name)],
        ),
        lines(
            "Releases",
            "Processes by release, schema of the database and Python: two releases while one is "
            "rolled out.",
            "none",
            [Query(releases, "{{job}} {{yupana_version}}, schema {{yupana_schema}}")],
        ),
    ]
