# The front door for people: each target is a few lines, `make help` lists them.
# `make up` needs nothing but a Python 3.11 or newer; PYTHON=… chooses one.

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header
CANDIDATES := $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11 python
UP ?=
TESTS ?=
ROUNDS ?= 200
SEED ?= 1
TORTURE ?=

.DEFAULT_GOAL := help
.PHONY: help setup up up-kafka demo test lint check torture bench bench-growth lock audit clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

setup: $(VENV)/.ready-dev ## make .venv and install everything from the lock files, tools included

up: $(VENV)/.ready ## start the whole system (UP="--command-port 9001" for options; see mimo up --help)
	@exec $(BIN)/mimo up $(UP)

up-kafka: $(VENV)/.ready-kafka ## the same through Kafka, with a broker of its own (UP="--kafka-port 9092" for options)
	@exec $(BIN)/mimo up --kafka $(UP)

demo: $(VENV)/.ready ## let a simulated school use the running system
	@exec $(BIN)/mimo demo

test: $(VENV)/.ready-dev ## run every test (TESTS="tests/unit -k mail" for some)
	$(BIN)/python -m pytest $(TESTS)

lint: $(VENV)/.ready-dev ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

check: lint test ## what CI runs: lint and every test

torture: $(VENV)/.ready-dev ## play many rounds of faults (ROUNDS=200 SEED=1; under an hour on a quiet machine); stopped, it goes on where it was
	$(BIN)/python -m tests.faults --rounds $(ROUNDS) --seed $(SEED) $(TORTURE)

bench: $(VENV)/.ready-dev ## measure beside the baseline and print the table
	$(BIN)/python -m tests.bench

bench-growth: $(VENV)/.ready-dev ## measure a long history against a short one (takes a quarter of an hour, and 40 GB of disk)
	$(BIN)/python -m tests.bench.growth

lock: $(VENV)/.ready-dev ## renew the lock files after a change in pyproject.toml (needs: pip install uv)
	@command -v $(BIN)/uv > /dev/null || { echo "uv is not installed: $(BIN)/pip install uv" >&2; exit 1; }
	$(LOCK) --extra build pyproject.toml -o requirements.lock > /dev/null
	$(LOCK) --extra build --extra kafka -c requirements.lock pyproject.toml -o requirements-kafka.lock > /dev/null
	$(LOCK) --extra build --extra kafka --extra dev --extra bench -c requirements-kafka.lock pyproject.toml -o requirements-dev.lock > /dev/null

audit: $(VENV)/.ready-dev ## look for known vulnerabilities in the locked packages (asks the network)
	$(BIN)/pip-audit --strict --disable-pip --require-hashes -r requirements-dev.lock

clean: ## delete .venv and the tools' caches; data/ stays
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis *.egg-info

$(VENV)/.python:
	@for python in $(CANDIDATES); do \
		if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null; then \
			$$python -m venv $(VENV) && touch $@ && exit 0; \
			echo "$$python cannot make a virtual environment: install its venv module (on Debian: python3-venv)." >&2; exit 1; \
		fi; \
	done; \
	echo "mimo needs Python 3.11 or newer and found none; install one, or say where it is: make PYTHON=/path/to/python3" >&2; \
	exit 1

$(VENV)/.ready: requirements.lock pyproject.toml | $(VENV)/.python
	@echo "Installing the locked packages into $(VENV) (once, about a minute)"
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --config-settings editable_mode=compat --editable .
	@touch $@

$(VENV)/.ready-kafka: requirements-kafka.lock $(VENV)/.ready
	@echo "Installing the locked packages of the local Kafka broker"
	@$(PIP) install --require-hashes -r requirements-kafka.lock
	@touch $@

$(VENV)/.ready-dev: requirements-dev.lock $(VENV)/.ready
	@echo "Installing the locked tools for tests and checks"
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@
