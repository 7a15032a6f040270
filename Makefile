# Everything that a developer or CI runs. `make help` lists it.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
STUBS := clients/python/yupana/access/v1 clients/python/yupana/ledger/v1 clients/python/yupana/admin/v1 clients/python/yupana/feed/v1
OPENAPI := services/yupana_server/edge/openapi.json services/yupana_server/edge/reference.html

AGAINST ?= .git\#branch=main
LOCK = uv pip compile --quiet services/pyproject.toml --generate-hashes --no-emit-index-url \
	--no-emit-package yupana --no-emit-package yupana-server --universal --python-version 3.11 \
	--custom-compile-command "make lock" --upgrade

# Jaeger 2.13: the module still counts as version 1.
JAEGER := github.com/jaegertracing/jaeger@v1.76.0

.DEFAULT_GOAL := help
.PHONY: help setup demo test unit faults fuzz mutants lint secrets audit types stubs stubs-check \
	certificates openapi openapi-check dashboards dashboards-check breaking lock wheels image-check \
	jaeger clean

help: ## Lists the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/ready ## Makes a virtual environment in .venv from requirements.lock

$(VENV)/ready: requirements.lock services/pyproject.toml clients/python/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Yupana needs Python 3.11 or newer: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11"; exit 1; }
	@echo "Setting up $(VENV) from requirements.lock (once, about a minute) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation \
		-e clients/python -e services
	@touch $@

demo: setup ## Plays a ticket sale against an embedded stack and prints what happened
	@$(BIN)/yupana demo

# Compiled first, as the tests start hundreds of processes, and some machines are told not to write
# bytecode by themselves.
test: setup ## Runs all tests
	@$(BIN)/python -m compileall -q clients/python/yupana services/yupana_server tests
	@$(BIN)/python -m pytest

unit: setup ## Runs the pure tests alone: no server is started
	@$(BIN)/python -m pytest tests/unit tests/property tests/conformance --ignore tests/conformance/test_grpc.py

faults: setup ## Plays all fault scenarios with fixed seeds; SEEDS=n draws n others, SEED=x takes x
	@$(BIN)/python -m pytest tests/faults/test_scenarios.py --all-faults \
		$(if $(SEEDS),--seeds $(SEEDS)) $(if $(SEED),--seed $(SEED))

lint: setup ## Checks style, protos and migrations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/buf lint
	$(BIN)/buf format --diff --exit-code
	@mkdir -p dist && $(BIN)/python -c \
		'from yupana_server.journal.migrate import print_sql; print_sql()' >dist/migrations.sql 2>/dev/null
	$(BIN)/squawk dist/migrations.sql

secrets: setup ## Looks for keys and passwords in what is committed
	@git ls-files | grep -v '\.lock$$' | xargs $(BIN)/detect-secrets-hook -c 2 \
		--disable-plugin HexHighEntropyString --disable-plugin Base64HighEntropyString

audit: setup ## Looks up known vulnerabilities of what is locked; STRICT=1 fails when nobody answers
	@STRICT=$(STRICT) ./services/audit.sh $(CURDIR)/$(BIN)/pip-audit

types: setup ## Checks types
	$(BIN)/mypy

fuzz: setup ## Sends INPUTS (100000) requests of all sorts to a ledger; SEED=x draws others
	@FUZZ_INPUTS=$(or $(INPUTS),100000) FUZZ_SEED=$(or $(SEED),1) \
		$(BIN)/python -m pytest -s tests/faults/test_hostile_input.py

mutants: setup ## Breaks each rule R1 to R14 in a copy of the services: its tests must fail
	@PYTHONPATH=tests $(BIN)/python -m mutants.run

stubs: setup ## Generates the Python stubs from protos/
	@$(BIN)/python -m grpc_tools.protoc -I protos --python_out=clients/python --pyi_out=clients/python \
		--grpc_python_out=clients/python protos/yupana/*/v1/*.proto

stubs-check: stubs ## Fails when the committed stubs are not those of protos/
	@git diff --exit-code --stat -- $(STUBS) \
		&& test -z "$$(git ls-files --others --exclude-standard -- $(STUBS))" \
		|| { echo "The stubs are stale: run 'make stubs' and commit $(STUBS)."; exit 1; }

certificates: ## Makes an authority and certificates for development in dist/certificates (needs openssl)
	@./services/certificates.sh dist/certificates

openapi: stubs ## Writes the edge's OpenAPI document and reference page from protos/
	@mkdir -p dist && $(BIN)/python -m grpc_tools.protoc -I protos --include_imports \
		--include_source_info --descriptor_set_out=dist/contract.pb protos/yupana/*/v1/*.proto
	@$(BIN)/python -m yupana_server.edge.openapi dist/contract.pb

openapi-check: openapi ## Fails when the committed document is not that of protos/
	@git diff --exit-code --stat -- $(OPENAPI) \
		|| { echo "The OpenAPI document is stale: run 'make openapi' and commit it."; exit 1; }

dashboards: setup ## Writes Grafana's dashboards from observability/grafana/generator
	@cd observability/grafana && ../../$(BIN)/python -m generator

dashboards-check: dashboards ## Fails when the committed dashboards are not those of the generator
	@git diff --exit-code --stat -- observability/grafana/dashboards \
		&& test -z "$$(git ls-files --others --exclude-standard -- observability/grafana/dashboards)" \
		|| { echo "The dashboards are stale: run 'make dashboards' and commit them."; exit 1; }

breaking: setup ## Fails when protos/ break what AGAINST (default: the main branch) promises
	$(BIN)/buf breaking --against '$(AGAINST)'

lock: ## Locks the newest allowed versions of all dependencies (needs uv)
	$(LOCK) --extra dev --extra bench --extra test -o requirements.lock
	$(LOCK) -o services/requirements.lock

jaeger: dist/jaeger ## Builds Jaeger into dist/ for the tests that use it (needs Go; takes many minutes)

# In the module's own folder, as Go installs no program whose module replaces another.
dist/jaeger:
	@mkdir -p dist && go mod download $(JAEGER)
	@cd "$$(go env GOMODCACHE)/$(JAEGER)" && go build -trimpath -ldflags '-s -w' -o $(CURDIR)/dist/jaeger ./cmd/jaeger

wheels: setup ## Builds both wheels into dist/
	@cd clients/python && ../../$(BIN)/python -m hatchling build -t wheel -d ../../dist
	@cd services && ../$(BIN)/python -m hatchling build -t wheel -d ../dist

image-check: wheels ## Installs what the image holds into an empty environment and tries it
	@rm -rf dist/image && $(PYTHON) -m venv dist/image
	@dist/image/bin/pip install --quiet --disable-pip-version-check --require-hashes --no-deps \
		-r services/requirements.lock
	@dist/image/bin/pip install --quiet --disable-pip-version-check --no-deps dist/*.whl
	@dist/image/bin/pip check
	@cd dist && image/bin/yupana serve ledger --help >/dev/null && image/bin/yupana migrate --help >/dev/null
	@echo "what the image holds installs and runs"

clean: ## Removes what was set up and built
	rm -rf $(VENV) dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
