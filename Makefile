# `make demo [PORT=8080]` and `make test` are all you need; both set up what is missing first.
# Everything they write is below this folder, apart from Debian packages where one is missing.

PORT ?= 8080
VENV := .venv
PYTHON := $(VENV)/bin/python
READY := $(VENV)/.ready
SERVERS := $(VENV)/.servers/.ready
BROWSER := $(VENV)/.browser
AXE := $(VENV)/.cache/axe/axe.min.js

export PIP_CACHE_DIR := $(CURDIR)/$(VENV)/.cache/pip
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PLAYWRIGHT_BROWSERS_PATH := $(CURDIR)/$(VENV)/.cache/browsers

.PHONY: demo test test-core bench bench-browser bench-growth bench-panels lint format

demo: $(READY)
	@$(PYTHON) -m gatekeeper demo --port $(PORT) --state var/demo

test: $(READY) $(BROWSER) $(SERVERS) $(AXE)
	@GATEKEEPER_TEST_BROWSER="$$(cat $(BROWSER))" $(PYTHON) -m pytest

test-core: $(READY)
	@$(PYTHON) -m pytest tests/core

# What requests cost; the parts for browsers, growth and panels take longer and have names of their own.
bench: $(READY)
	@$(PYTHON) -m bench

bench-browser: $(READY) $(BROWSER)
	@GATEKEEPER_TEST_BROWSER="$$(cat $(BROWSER))" $(PYTHON) -m bench.leaks
	@GATEKEEPER_TEST_BROWSER="$$(cat $(BROWSER))" $(PYTHON) -m bench.guard
	@GATEKEEPER_TEST_BROWSER="$$(cat $(BROWSER))" $(PYTHON) -m bench.banner

bench-growth: $(READY)
	@$(PYTHON) -m bench.growth

bench-panels: $(READY) $(SERVERS)
	@$(PYTHON) -m bench.panels

lint: $(VENV)/.lint
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m mypy

format: $(VENV)/.lint
	@$(PYTHON) -m ruff check --fix .
	@$(PYTHON) -m ruff format .

$(READY): pyproject.toml
	@.ci/setup python
	@touch $@

$(VENV)/.lint: $(READY)
	@$(PYTHON) -m pip install --quiet --editable '.[dev]'
	@touch $@

# The web servers that the tests run.
$(SERVERS): $(READY)
	@.ci/setup servers
	@touch $@

# The path of the browser that the tests drive; empty means the one that Playwright brings.
$(BROWSER): $(READY)
	@.ci/setup browser >$@.new
	@mv $@.new $@

# What checks pages for accessibility; its version stands in .ci/setup.
$(AXE): .ci/setup $(READY)
	@.ci/setup axe
