"""Panels as all of ours look."""

from collections.abc import Sequence
from typing import NamedTuple

from grafana_foundation_sdk.builders import common, prometheus, stat, text, timeseries
from grafana_foundation_sdk.builders.dashboard import DashboardLink, ThresholdsConfig
from grafana_foundation_sdk.models import common as looks
from grafana_foundation_sdk.models.dashboard import (
    DashboardLinkType,
    DataSourceRef,
    Threshold,
    ThresholdsMode,
)
from grafana_foundation_sdk.models.text import TextMode

from generator.alerts import ALERTS

PROMETHEUS = DataSourceRef(type_val="prometheus", uid="prometheus")
"""As ../provisioning/datasources names it."""

TRACES = "${jaeger}/search?service=yupana-ledger&start=${__from}000&end=${__to}000"
"""What was going on in the time that is shown; $jaeger is a field of the dashboard."""

WITH_ERRORS = "&tags=%7B%22error%22%3A%22true%22%7D"
OF_THE_METHOD = "&operation=${__field.labels.rpc_method}"

Panel = timeseries.Panel | stat.Panel | text.Panel


class Query(NamedTuple):
    """One line or several of a panel."""

    expression: str
    legend: str
    exemplars: bool = False
    """Whether points are shown that lead to traces, where Prometheus has some."""


def lines(
    title: str,
    description: str,
    unit: str,
    queries: Sequence[Query],
    *,
    runbooks: Sequence[str] = (),
    traces: str | None = None,
) -> timeseries.Panel:
    """Return lines over time. `traces` narrows the link to traces of a click; without one, none."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(description)
        .unit(unit)
        .min(0)
        .span(8)
        .height(8)
        .datasource(PROMETHEUS)
        .line_width(2)
        .fill_opacity(8)
        .show_points(looks.VisibilityMode.NEVER)
        .links([runbook_link(alert) for alert in runbooks])
        .legend(
            common.VizLegendOptions()
            .display_mode(looks.LegendDisplayMode.LIST)
            .placement(looks.LegendPlacement.BOTTOM)
            .show_legend(True)
        )
        .tooltip(
            common.VizTooltipOptions()
            .mode(looks.TooltipDisplayMode.MULTI)
            .sort(looks.SortOrder.DESCENDING)
        )
    )
    if traces is not None:
        panel.data_links([traces_link(traces)])
    for number, query in enumerate(queries):
        panel.with_target(_target(query, number))
    return panel


def number(
    title: str,
    description: str,
    unit: str,
    expression: str,
    *,
    runbooks: Sequence[str] = (),
    bad_above: float | None = None,
    bad_below: float | None = None,
) -> stat.Panel:
    """Return one number with its course behind it; red where it is bad."""
    return (
        stat.Panel()
        .title(title)
        .description(description)
        .unit(unit)
        .span(4)
        .height(4)
        .datasource(PROMETHEUS)
        .color_mode(looks.BigValueColorMode.VALUE)
        .graph_mode(looks.BigValueGraphMode.AREA)
        .thresholds(_thresholds(bad_above, bad_below))
        .links([runbook_link(alert) for alert in runbooks])
        .with_target(_target(Query(expression, ""), 0))
    )


def words(title: str, markdown: str, *, height: int = 8, width: int = 8) -> text.Panel:
    """Return a panel of text."""
    return (
        text.Panel()
        .title(title)
        .description("What to know about it.")
        .mode(TextMode.MARKDOWN)
        .content(markdown)
        .span(width)
        .height(height)
    )


def runbook_link(alert: str) -> DashboardLink:
    """Return the link to an alert's runbook, which is a dashboard too."""
    return (
        DashboardLink(f"Runbook: {alert}")
        .type(DashboardLinkType.LINK)
        .url(f"/d/{ALERTS[alert].uid}")
        .target_blank(True)
    )


def traces_link(narrowed: str) -> DashboardLink:
    """Return the link from a point of a line to the traces of the time that is shown."""
    return (
        DashboardLink("Traces in Jaeger")
        .type(DashboardLinkType.LINK)
        .url(TRACES + narrowed)
        .target_blank(True)
    )


def quantiles(metric: str, labels: str, *, by: str = "") -> list[Query]:
    """Return the median and the 95th and 99th percentiles of a histogram."""
    group, legend = (f", {by}", f" {{{{{by}}}}}") if by else ("", "")
    return [
        Query(
            f"histogram_quantile({share}, "
            f"sum by (le{group}) (rate({metric}_bucket{{{labels}}}[$__rate_interval])))",
            f"p{name}{legend}",
            exemplars=True,
        )
        for share, name in ((0.5, "50"), (0.95, "95"), (0.99, "99"))
    ]


def _target(query: Query, number: int) -> prometheus.Dataquery:
    return (
        prometheus.Dataquery()
        .datasource(PROMETHEUS)
        .expr(query.expression)
        .legend_format(query.legend)
        .exemplar(query.exemplars)
        .range()
        .ref_id(chr(ord("A") + number))
    )


def _thresholds(bad_above: float | None, bad_below: float | None) -> ThresholdsConfig:
    steps = [Threshold(color="green", value=None)]
    if bad_above is not None:
        steps.append(Threshold(color="red", value=bad_above))
    elif bad_below is not None:
        steps = [Threshold(color="red", value=None), Threshold(color="green", value=bad_below)]
    return ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)
