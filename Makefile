.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=

.PHONY: help setup setup-dev salt up quick test check bench chaos attack debians lock release clean

help:  ## List these commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 12

setup: .venv/run.done  ## Install what the service needs; the command is then .venv/bin/butt

setup-dev: .venv/dev.done  ## Install what tests and checks need besides

salt: .salt/done  ## Install Salt into an environment of its own, for bots in containers

up: setup  ## Run the service here; pass options with ARGS="--port 9000"
	@exec $(BIN)/butt up $(ARGS)

quick: setup-dev  ## Run the tests that need nothing but Python
	@$(BIN)/pytest --quick -p no:schemathesis --numprocesses logical --maxprocesses 8 --dist loadfile $(ARGS)

test: setup-dev $(if $(ARGS),,.salt/done)  ## Run all tests; some of them with ARGS="tests/agents"
	@$(if $(ARGS),,$(PYTHON) scripts/tools.py)
	@$(BIN)/pytest $(or $(ARGS),--numprocesses 5 --dist loadfile)

check: setup-dev  ## Lint, check types and hold the house to its floor plan
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/bandit --quiet --configfile pyproject.toml --recursive butt packages/scuttlekit/scuttlekit salt scripts
	@$(BIN)/lint-imports

bench: setup-dev  ## Run the benchmarks: ratios to a floor, measured in the same minute
	@$(BIN)/python -m bench $(ARGS)

chaos: setup-dev  ## Kill, fill and restart while people use it; ARGS="--seed 7 --minutes 2 --postgres"
	@$(BIN)/python -m chaos $(ARGS)

attack: setup-dev  ## Attack a service while people use it; ARGS="--seed 7 --seconds 20 --caddy"
	@$(BIN)/python -m attack $(ARGS)

debians: setup-dev  ## Try `make up`, or `make quick`, on bare Debians and an Ubuntu made by mmdebstrap, as root; ARGS="--quick trixie"
	@$(BIN)/python -m tests.installing.readme $(ARGS)

lock: setup-dev  ## Choose newer dependencies, within the bounds of pyproject.toml
	@$(PYTHON) scripts/lock.py

release: setup-dev  ## Make wheel, source distribution, list of parts, notes and image in dist; ARGS="--draft --no-image"
	@$(BIN)/python scripts/release.py $(ARGS)

clean:  ## Remove what setup made; the state in .butt stays
	rm -rf .venv .salt build *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

.venv/run.done: requirements/run.txt pyproject.toml scripts/setup.py
	@$(PYTHON) scripts/setup.py run

.venv/dev.done: requirements/dev.txt .venv/run.done
	@$(PYTHON) scripts/setup.py dev

.salt/done: requirements/salt.txt scripts/salt.py
	@$(PYTHON) scripts/salt.py
