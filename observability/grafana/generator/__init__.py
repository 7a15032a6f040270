"""The dashboards of Grafana, as code: `make dashboards` writes them to ../dashboards as JSON."""
