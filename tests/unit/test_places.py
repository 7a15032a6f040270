"""What each of several processes is configured with."""

from pathlib import Path

import pytest

from yupana_server.runtime.config import ConfigError, LedgerConfig, ledger_config
from yupana_server.runtime.place import Place
from yupana_server.runtime.reserved_port import ReservedPort
from yupana_server.runtime.supervisor import config_of


def configured(**changes: object) -> LedgerConfig:
    return ledger_config(database_url="postgresql://yupana_ledger@db/yupana", **changes)


def places(config: LedgerConfig) -> list[LedgerConfig]:
    """Return the configurations of all processes."""
    every = [
        Place(index, config.processes, Path("/nowhere"), -1) for index in range(config.processes)
    ]
    return [config_of(config, place, "127.0.0.1:7447") for place in every]


@pytest.mark.parametrize(("processes", "reads"), [(1, 8), (2, 4), (3, 2), (4, 2), (16, 2)])
def test_connections_when_processes_share_them_then_each_has_two_at_least(
    processes: int, reads: int
) -> None:
    found = places(configured(processes=processes))
    assert [each.read_connections for each in found] == [reads] * processes


def test_metrics_when_there_are_several_then_each_has_a_port_of_its_own() -> None:
    found = places(configured(processes=3, metrics_listen="0.0.0.0:9464"))
    ports = ["0.0.0.0:9464", "0.0.0.0:9465", "0.0.0.0:9466"]
    assert [each.metrics_listen for each in found] == ports
    free = places(configured(processes=2, metrics_listen="127.0.0.1:0"))
    assert [each.metrics_listen for each in free] == ["127.0.0.1:0"] * 2
    assert [each.metrics_listen for each in places(configured(processes=2))] == [None, None]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"processes": 0}, "YUPANA_PROCESSES=0"),
        ({"processes": 65}, "YUPANA_PROCESSES=65"),
        ({"processes": 3, "metrics_listen": "0.0.0.0:65534"}, "YUPANA_METRICS_LISTEN"),
    ],
)
def test_configuration_when_it_cannot_be_then_says_which_variable(
    changes: dict[str, object], named: str
) -> None:
    with pytest.raises(ConfigError, match=named):
        configured(**changes)
    configured(processes=2, metrics_listen="0.0.0.0:65534")


def test_port_when_another_parent_holds_it_without_listening_then_it_is_taken() -> None:
    first = ReservedPort("127.0.0.1:0")
    try:
        with pytest.raises(OSError, match="is the port in use"):
            ReservedPort(first.address)
    finally:
        first.close()
    ReservedPort(first.address).close()
