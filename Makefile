# Everything that is done to Sverka by hand or by a machine. `make` alone lists it.
SHELL   := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --no-input
ROOMS  := core connectors mapping sync store workers web cli sandbox
PYTEST_ARGS ?=
BENCH_ARGS  ?=
N ?= 200
SEED ?= 1
SETUP ?= all
UV     := uv==0.13.9

# What the tests start: PACKAGE=a path that is there once it is installed.
SERVICES := 'postgresql=/usr/lib/postgresql/*/bin/postgres' 'rabbitmq-server=/usr/lib/rabbitmq/bin/rabbitmq-server' \
            'redis-server=/usr/bin/redis-server' 'systemd=/usr/bin/systemd-analyze' 'git=/usr/bin/git'
ifneq ($(wildcard tests/browser/test_*.py),)
SERVICES += 'chromium=/usr/bin/chromium'
endif

.PHONY: help
help:  ## this list
	@echo "Sverka. What make can do here:"
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | column -t -s '|' 2>/dev/null \
	  || grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST)

# ---------------------------------------------------------------- installing

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Sverka needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V). Name another one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || scripts/need-debian python3-venv=/usr/lib/python3*/ensurepip
	@echo "Making $(VENV) with $$($(PYTHON) -V) ..."
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements.lock requirements-build.lock pyproject.toml | $(BIN)/python
	@echo "Installing what Sverka needs (pinned, checked by hash; about a minute the first time) ..."
	@$(PIP) install -qq --require-hashes -r requirements.lock -r requirements-build.lock
	@$(PIP) install -qq --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.installed-dev: requirements-dev.lock $(VENV)/.installed
	@echo "Installing the tools for tests and checks ..."
	@$(PIP) install -qq --require-hashes -r requirements-dev.lock
	@touch $@

.PHONY: venv dev services
venv: $(VENV)/.installed  ## install Sverka into .venv, exactly as pinned
	@echo "Ready: $(BIN)/sverka"

dev: $(VENV)/.installed-dev  ## the same, with the tools for tests and checks

services:  ## install the servers that the tests start (PostgreSQL, RabbitMQ, Redis)
	@scripts/need-debian $(SERVICES)

# ---------------------------------------------------------------- using

.PHONY: run
run: $(VENV)/.installed  ## see it at work: a stand-in of 1C, the main job on it, then the service
	@$(BIN)/sverka demo

# ---------------------------------------------------------------- checking

.PHONY: test coverage nightly peers chaos bench lint fmt
test: dev services  ## all tests, on real PostgreSQL, RabbitMQ, Redis and SQLite
	@echo "Running the tests (two at a time) ..."
	@$(BIN)/python -m pytest -n 2 --dist worksteal $(PYTEST_ARGS)

coverage:  ## the same, with what they cover: takes twice as long
	@rm -f .coverage .coverage.*
	@$(MAKE) test PYTEST_ARGS="--cov --cov-report=term $(PYTEST_ARGS)"

nightly: dev services  ## the tests that take minutes
	@$(BIN)/python -m pytest -n 2 --dist worksteal -m nightly --timeout 1800 $(PYTEST_ARGS)

chaos: dev services  ## N random faults on real processes: make chaos N=200 SEED=1 SETUP=sqlite|rabbitmq|redis|all
	@$(BIN)/python -m tests.chaos $(N) --seed $(SEED) --setup $(SETUP)

bench: dev services  ## measure speed and memory
	@$(BIN)/python -m bench $(BENCH_ARGS)

lint: dev  ## style, types, import rules, dependencies
	@echo "ruff ..."; $(BIN)/ruff check . && $(BIN)/ruff format --check .
	@echo "mypy ..."; $(BIN)/mypy
	@echo "import rules ..."; $(BIN)/lint-imports --no-cache > .lint-imports.log || { cat .lint-imports.log; rm -f .lint-imports.log; exit 1; }; rm -f .lint-imports.log
	@echo "dependencies ..."; $(BIN)/deptry .

fmt: dev  ## put the sources in order
	@$(BIN)/ruff check --fix-only -q . ; $(BIN)/ruff format .

.venv-peers/.installed: requirements-peers.lock | $(BIN)/python
	@echo "Making .venv-peers with OData clients that others wrote ..."
	@$(PYTHON) -m venv .venv-peers
	@.venv-peers/bin/python -m pip --disable-pip-version-check --no-input install -qq --require-hashes -r requirements-peers.lock
	@touch $@

peers: .venv-peers/.installed  ## clients that others wrote for 1C, run against our stand-in of it
	@.venv-peers/bin/python -m pytest tests/peers --confcutdir=tests/peers -W default $(PYTEST_ARGS)

# ---------------------------------------------------------------- keeping

COMPILE = .venv-lock/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
          --custom-compile-command 'make lock' $(LOCK_ARGS)
LOCK_ARGS ?=

.PHONY: lock wheel clean
.venv-lock/bin/uv: | $(BIN)/python
	@$(PYTHON) -m venv .venv-lock && .venv-lock/bin/pip --disable-pip-version-check install -qq '$(UV)'

lock: .venv-lock/bin/uv  ## pin again what pyproject.toml asks for (LOCK_ARGS=--upgrade for newer versions)
	@$(COMPILE) pyproject.toml --group dev --group build -o requirements-dev.lock
	@$(COMPILE) pyproject.toml -c requirements-dev.lock -o requirements.lock
	@$(COMPILE) --group build -c requirements-dev.lock -o requirements-build.lock
	@$(COMPILE) --group peers -o requirements-peers.lock
	@git diff --stat -- '*.lock' || true

wheel: $(VENV)/.installed  ## build the wheel into dist/
	@$(PIP) wheel -qq --no-deps --no-build-isolation -w dist .
	@ls dist/*.whl

clean:  ## remove everything that was made here, except var/ (your data)
	@rm -rf .venv .venv-* build dist .coverage .coverage.* htmlcov .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
	@find $(ROOMS) tests -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
