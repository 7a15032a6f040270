"""A dashboard as all of ours look: variables, links to each other, numbered panels."""

from collections.abc import Sequence

from grafana_foundation_sdk.builders.dashboard import (
    Dashboard,
    DashboardLink,
    QueryVariable,
    TextBoxVariable,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from generator.panels import PROMETHEUS, Panel

JAEGER = "http://localhost:16686"
"""Where the bundle shows traces; the field `jaeger` of each dashboard changes it."""

INSTANCE = ("instance", "Process", 'label_values(process_thread_count{job=~"yupana-.+"}, instance)')
BOOK = ("book", "Book", "label_values(yupana_journal_seq, yupana_book)")


def page(
    uid: str,
    title: str,
    description: str,
    panels: Sequence[Panel],
    *,
    variables: Sequence[tuple[str, str, str]] = (),
) -> Dashboard:
    """Return a dashboard of panels, which flow from left to right and down."""
    dashboard = (
        Dashboard(title)
        .uid(uid)
        .description(description)
        .tags(["yupana"])
        .time("now-1h", "now")
        .refresh("10s")
        .timezone("browser")
        .readonly()
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .link(
            DashboardLink("Dashboards")
            .type(DashboardLinkType.DASHBOARDS)
            .tags(["yupana"])
            .keep_time(True)
        )
        .link(
            DashboardLink("Runbooks")
            .type(DashboardLinkType.DASHBOARDS)
            .tags(["runbook"])
            .as_dropdown(True)
        )
    )
    for name, label, query in variables:
        dashboard.with_variable(_choice(name, label, query))
    dashboard.with_variable(TextBoxVariable("jaeger").label("Jaeger").default_value(JAEGER))
    for number, panel in enumerate(panels, start=1):
        dashboard.with_panel(panel.id(number))
    return dashboard


def _choice(name: str, label: str, query: str) -> QueryVariable:
    return (
        QueryVariable(name)
        .label(label)
        .datasource(PROMETHEUS)
        .query(query)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(VariableOption(selected=True, text="All", value="$__all"))
    )
