# Two commands do all the set-up: `make film` and `make test`.
PYTHON ?= python3.11
PYTHON := $(or $(shell command -v $(PYTHON) 2>/dev/null),$(shell command -v python3))
VENV := .venv
BIN := $(VENV)/bin
OUT ?= out
BOARD ?= examples/lighthouse.yaml
WORKERS ?= 2
N ?= 1000000
SEED ?= 0

.PHONY: film test lint format schemas docs slow faults bench clean lock

film: $(VENV)/.film ## install what a film needs, render the example, say where it lies
	$(BIN)/vivijure render $(BOARD) -o $(OUT)/$(notdir $(basename $(BOARD))).mp4

test: $(VENV)/.dev lint ## install what the tests need and run them all
	$(BIN)/pytest -n $(WORKERS) --dist loadfile -m "not slow"

slow: $(VENV)/.dev ## the suites that take minutes
	$(BIN)/pytest -m slow

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy control functions tests
	$(BIN)/lint-imports

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

schemas: $(VENV)/.dev ## write the contract's JSON Schemas
	$(BIN)/python -m functions.contract.schemas

docs: $(VENV)/.dev ## write the reference pages
	$(BIN)/python -m control.reference docs

bench: $(VENV)/.dev ## speed of a film against its floors, as JSON
	$(BIN)/python -m tests.benchmarks.film

faults: $(VENV)/.dev ## random schedules of paid work on all cores; N= how many, SEED= from which, LOG= to go on from
	$(BIN)/python -m tests.faults.lab --n $(N) --seed $(SEED) $(if $(LOG),--log $(LOG))

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.film: requirements/film.txt pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/film.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

$(VENV)/.dev: requirements/dev.txt requirements/faces.txt requirements/networks.txt pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/faces.txt -r requirements/networks.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@ $(VENV)/.film

lock: ## resolve the locks anew (needs uv)
	uv pip compile pyproject.toml --extra build --extra door --extra media --extra studio --universal --python-version 3.11 --generate-hashes --no-annotate --no-header -q -o requirements/film.txt
	uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes --no-annotate --no-header -q -o requirements/dev.txt

clean:
	rm -rf $(OUT) .mypy_cache .ruff_cache .pytest_cache .hypothesis
