# The whole of the project's commands. `make` alone prints the list.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
ROOMS := ticketing counter display door bench tools
CODE := $(wildcard *.py) $(foreach room,$(ROOMS),$(if $(wildcard $(room)/*.py),$(room)))
# Tests that start server processes or drive a browser run a file at a time in each worker, after the others; races
# and faults want the machine to themselves.
BIG := live or browser
ALONE := race or fault
WORKERS ?= 2
TEST_DATABASE_URL ?= postgresql://postgres@127.0.0.1:5432/yichuang_test
TEST_REDIS_URL ?= redis://127.0.0.1:6379/9

.PHONY: help
help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# -- setting up ---------------------------------------------------------------------------------------

.PHONY: install dev
install: .venv/installed  ## .venv with what the server needs
	@echo ".venv is ready."
dev: .venv/installed-dev  ## the same, with what tests and checks need
	@:

.venv/installed: requirements.txt
	@PYTHON="$(PYTHON)" tools/make-venv
	@echo "Installing the pinned packages into .venv (a minute the first time) …"
	@$(PIP) install --require-hashes -r requirements.txt
	@touch $@

.venv/installed-dev: .venv/installed requirements-dev.txt
	@echo "Installing the packages for tests and checks into .venv …"
	@$(PIP) install --require-hashes -r requirements-dev.txt
	@touch $@

.PHONY: run
run: .venv/installed  ## the server with a ready district hall (ARGS="--port 8080")
	@$(BIN)/python run.py demo $(ARGS)

# -- tests --------------------------------------------------------------------------------------------

.PHONY: test test-postgres security browser arrows docs-check
test: dev browser  ## every test on SQLite; ARGS="tests/door -k order" for some
ifdef ARGS
	@$(BIN)/pytest $(ARGS)
else
	@$(BIN)/pytest -m "not ($(BIG) or $(ALONE))" -n $(WORKERS)
	@$(BIN)/pytest -m "$(BIG)" -n $(WORKERS) --dist loadfile
	@$(BIN)/pytest -m race
	@$(BIN)/pytest -m fault
endif

test-postgres: export TEST_DATABASE_URL := $(TEST_DATABASE_URL)
test-postgres: export TEST_REDIS_URL := $(TEST_REDIS_URL)
test-postgres: dev  ## every test but the browser's on PostgreSQL and Redis
	@$(BIN)/python tools/make_test_database.py
	@$(BIN)/pytest -m "race"
	@$(BIN)/pytest -m "fault"
	@$(BIN)/pytest -m "live" -n $(WORKERS) --dist loadfile
	@$(BIN)/pytest -m "not ($(BIG) or $(ALONE))" -n $(WORKERS)

security: dev  ## attacks of every kind, and a table of the promises; more in docs/security.md
	@WORKERS=$(WORKERS) $(BIN)/python tools/security.py

browser:  ## Chromium, a Chinese font and a voice for the browser tests, where apt can give them
	@tools/browser-packages

arrows: dev  ## only: who may import whom
	@$(BIN)/pytest -q tests/test_arrows.py

docs-check: dev  ## only: links, paths and commands in the docs
	@$(BIN)/pytest -q tests/test_docs.py

# -- checks -------------------------------------------------------------------------------------------

.PHONY: ci lint format format-check types audit
ci: dev  ## all of it: lint, format, types, audit, tests on SQLite, tests on PostgreSQL + Redis
	@tools/step lint $(MAKE) lint
	@tools/step format $(MAKE) format-check
	@tools/step types $(MAKE) types
	@tools/step audit $(MAKE) audit
	@tools/step "tests on SQLite" env -u TEST_DATABASE_URL -u TEST_REDIS_URL $(MAKE) test
	@tools/step "tests on PostgreSQL and Redis" $(MAKE) test-postgres

lint: dev  ## ruff's rules
	@$(BIN)/ruff check .

format: dev  ## write the code in the one format
	@$(BIN)/ruff check --select I --fix -q .
	@$(BIN)/ruff format .

format-check: dev  ## whether the code is in the one format
	@$(BIN)/ruff format --check .

types: dev  ## mypy over the packages
	@$(BIN)/mypy $(CODE)

audit: dev  ## known holes in the pinned packages
	@$(BIN)/python tools/audit.py requirements.txt requirements-dev.txt

# -- now and then -------------------------------------------------------------------------------------

.PHONY: bench day soak screenshots lock vendor clean
bench: dev  ## the server's speed beside a yardstick on this machine; ARGS="--quick", ARGS="--only boards"
	@$(BIN)/python -m bench ratios $(ARGS)

day: dev  ## a day of a hall replayed, each promise checked; ARGS="--tickets 500"
	@$(BIN)/python -m bench day $(ARGS)

soak: dev  ## steady traffic for MINUTES=10, and what the server holds on to; DATABASE=postgresql
	@$(BIN)/python -m bench soak --minutes $(or $(MINUTES),10) --database $(or $(DATABASE),sqlite) $(ARGS)

screenshots: dev browser  ## pictures of every page at its real size, into docs/images
	@$(BIN)/python tools/screenshots.py $(ARGS)

lock: dev  ## pin requirements*.in anew, newest versions that fit
	@tools/lock

vendor:  ## fetch static/vendor and tests/vendor anew, as their manifests say (needs npm)
	@$(PYTHON) tools/vendor.py

clean:  ## remove what was made here (.venv too), never data
	rm -rf .venv .pytest_cache .ruff_cache .mypy_cache .hypothesis test-results
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
