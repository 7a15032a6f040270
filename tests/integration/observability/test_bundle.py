"""The bundle of collector, Jaeger, Prometheus and Grafana: what its files say of each other."""

import re
from pathlib import Path
from typing import Any

import yaml

from support.dashboards import DASHBOARDS, panels
from support.prometheus import OBSERVABILITY, RULES

ROOT = OBSERVABILITY.parent
PINNED = re.compile(r"[a-z0-9./-]+:v?\d+\.\d+(?:\.\d+)?(?:-[a-z0-9.]+)?")


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def bundle() -> dict[str, Any]:
    services: dict[str, Any] = read(ROOT / "docker-compose.observability.yml")["services"]
    return services


def test_images_when_read_then_every_one_is_pinned() -> None:
    services = {**read(ROOT / "docker-compose.yml")["services"], **bundle()}
    images = {service["image"] for service in services.values() if "image" in service}
    assert len(images) >= 4
    for image in images - {"yupana"}:
        assert PINNED.fullmatch(image), image


def test_services_when_the_bundle_runs_then_all_of_ours_send_to_the_collector() -> None:
    ours = {
        name
        for name, service in read(ROOT / "docker-compose.yml")["services"].items()
        if service.get("command", [""])[0] == "serve"
    }
    sending = {
        name
        for name, service in bundle().items()
        if service.get("environment", {}).get("OTEL_EXPORTER_OTLP_ENDPOINT")
        == "http://otel-collector:4317"
    }
    assert sending == ours


def test_volumes_when_mounted_then_the_files_are_there() -> None:
    mounted = [
        volume.partition(":")[0]
        for service in bundle().values()
        for volume in service.get("volumes", ())
        if volume.startswith("./")
    ]
    assert mounted
    assert all((ROOT / path).exists() for path in mounted), mounted


def test_provisioning_when_read_then_it_has_every_data_source_that_panels_name() -> None:
    provisioning = OBSERVABILITY / "grafana" / "provisioning"
    sources = {each["uid"] for each in read(provisioning / "datasources/yupana.yml")["datasources"]}
    named = {
        panel["datasource"]["uid"]
        for path in DASHBOARDS
        for panel in panels(path)
        if panel.get("datasource")
    }
    assert named <= sources
    assert "jaeger" in sources
    target = read(provisioning / "dashboards/yupana.yml")["providers"][0]["options"]["path"]
    assert any(volume.endswith(f":{target}:ro") for volume in bundle()["grafana"]["volumes"])


def test_prometheus_when_it_scrapes_then_the_collector_shows_metrics_there() -> None:
    jobs = {each["job_name"]: each for each in read(RULES / "prometheus.yml")["scrape_configs"]}
    scraped = jobs["otel-collector"]
    assert scraped["honor_labels"]
    collector = read(OBSERVABILITY / "collector" / "config.yaml")
    exporter = collector["exporters"]["prometheus"]
    port = re.findall(r"\d+", exporter["endpoint"])[-1]
    assert scraped["static_configs"][0]["targets"] == [f"otel-collector:{port}"]
    assert exporter["enable_open_metrics"], "without it there are no exemplars"
    assert "prometheus" in collector["service"]["pipelines"]["metrics"]["exporters"]
