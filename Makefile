# `make demo` shows the product, `make test` checks it. Both make their own environment from the hash-locked requirements.
# Other versions: make test PYTHON=python3.12 VENV=.venv312

NEW_ENOUGH := -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3; do \
	"$$name" $(NEW_ENOUGH) && break; done; echo "$$name")
VENV ?= .venv
# Half of the time a test waits, so there are more of them at once than cores: with four, two cores were idle for a quarter of it.
JOBS ?= 5
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# The locked `temporal` and `adw` come before any other on the machine. Bytecode is kept with the environment, whatever the machine
# prefers: the tests start many processes, and the strict sandbox loads the engine anew for each run.
RUN := env -u PYTHONDONTWRITEBYTECODE PYTHONPYCACHEPREFIX="$(abspath $(VENV))/pycache" PATH="$(abspath $(BIN)):$$PATH"
LOCK := deploy/requirements-dev.txt
PEERS := tests/benchmarks/agents/peers
COMPILE = $(BIN)/uv pip compile --universal --generate-hashes --no-header --python-version 3.11 --quiet
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help venv demo dev test static lint types contracts pytest unit faults bench peers histories changelog format lock clean

help: ## List the targets.
	@sed -n 's/^\([a-z]*\):.*## /\1: /p' Makefile | awk -F': ' '{ printf "make %-10s %s\n", $$1, $$2 }'

venv: $(READY) ## Make the environment.

$(READY): $(LOCK) pyproject.toml
	@"$(PYTHON)" $(NEW_ENOUGH) || { \
		echo "Python 3.11 or newer is needed and '$(PYTHON)' is not; install it or name one: make PYTHON=/path/to/python3.11" >&2; \
		exit 1; }
	@if [ -e "$(VENV)" ] && [ ! -f "$(VENV)/pyvenv.cfg" ]; then \
		echo "'$(VENV)' exists and is no virtual environment; remove it or choose another: make VENV=.venv2" >&2; exit 1; fi
	@rm -rf "$(VENV)"
	@if command -v uv >/dev/null 2>&1; then \
		echo "Making $(VENV) with uv" && \
		uv venv --quiet --no-project --python "$(PYTHON)" "$(VENV)" && \
		uv pip install --quiet --python "$(BIN)/python" --require-hashes -r $(LOCK) && \
		uv pip install --quiet --python "$(BIN)/python" --no-deps --no-build-isolation -e .; \
	else \
		echo "Making $(VENV) with pip" && \
		{ "$(PYTHON)" -m venv "$(VENV)" || { \
			echo "'$(PYTHON)' cannot make environments; install its venv module (Debian: python3-venv) or uv" >&2; exit 1; }; } && \
		"$(BIN)/python" -m pip install --quiet --require-hashes --no-deps -r $(LOCK) && \
		"$(BIN)/python" -m pip install --quiet --no-deps --no-build-isolation -e .; \
	fi
	@touch $@

demo: $(READY) ## Run an order three times and an agent once on a real server; KEEP=1 leaves it up.
	@$(RUN) adw demo $(if $(KEEP),--keep)

dev: $(READY) ## Run server and worker with the examples and reload until Ctrl-C.
	@$(RUN) adw dev --library

test: static pytest ## Check style, types, imports and behaviour.

static: $(READY) ## Check style, types and imports side by side.
	@echo "Checking style, types and imports"
	@failed=; \
	for check in lint types contracts; do \
		$(MAKE) --no-print-directory $$check >"$(VENV)/$$check.log" 2>&1 & eval "$$check=$$!"; \
	done; \
	for check in lint types contracts; do \
		eval "wait \$$$$check" || failed="$$failed $$check"; cat "$(VENV)/$$check.log"; \
	done; \
	[ -z "$$failed" ] || { echo "make:$$failed failed" >&2; exit 1; }

lint: $(READY) ## Check style and format.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY) ## Check types, strictly.
	$(BIN)/basedpyright --pythonpath $(BIN)/python

contracts: $(READY) ## Check who imports whom.
	$(BIN)/lint-imports --no-cache --no-logo

unit: $(READY) ## Run the tests that need no server, in less than a minute.
	@$(RUN) pytest -n 2 --dist worksteal tests/unit $(ARGS)

pytest: $(READY) ## Run the tests; ARGS="-k name -n 0" narrows them.
	@$(RUN) pytest -n $(JOBS) --dist worksteal $(ARGS)

faults: $(READY) ## Run the long fault tests.
	@$(RUN) pytest -m long --timeout 1800 $(ARGS)

bench: $(READY) ## Measure against hand-written workflows.
	@$(RUN) pytest -m bench -s --timeout 3600 $(ARGS)

peers: $(READY) ## Measure agents beside other agents on Temporal; ARGS=--quick measures less.
	@$(RUN) python -m tests.benchmarks.agents $(ARGS)

histories: $(READY) ## Record the histories of new scenarios, NAMES="one two", or of a release, RELEASE=0.2.0.
	@$(RUN) python -m tests.replay.record $(if $(RELEASE),--release $(RELEASE)) $(NAMES)

changelog: ## Print what the next release adds to the change log.
	@cat $(filter-out .changes/README.md,$(wildcard .changes/*.md)) /dev/null

format: $(READY) ## Put the code in its format.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: $(READY) ## Resolve the locked requirements; UPGRADE=1 takes newer versions.
	$(COMPILE) pyproject.toml $(if $(UPGRADE),--upgrade) --extra agents --extra mcp --extra dev-server --group dev -o $(LOCK)
	$(COMPILE) pyproject.toml -c $(LOCK) -o deploy/requirements.txt
	$(COMPILE) pyproject.toml -c $(LOCK) --extra agents --extra mcp -o deploy/requirements-agents.txt
	$(COMPILE) -c $(LOCK) --group build -o deploy/requirements-build.txt
	@# Each peer by itself; what it shares with this environment has the same version.
	$(COMPILE) $(PEERS)/langgraph.in -c $(LOCK) $(if $(UPGRADE),--upgrade) -o $(PEERS)/langgraph.txt
	$(COMPILE) $(PEERS)/pydantic-ai.in -c $(LOCK) $(if $(UPGRADE),--upgrade) -o $(PEERS)/pydantic-ai.txt

clean: ## Remove what the targets made.
	rm -rf "$(VENV)" .venv-peers .adw .coverage .hypothesis .import_linter_cache .pytest_cache .ruff_cache dist
	find activities advanced_workflow client tests workflows -name __pycache__ -type d -prune -exec rm -rf {} +
