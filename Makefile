# Two commands matter: `make demo` runs the whole service on a simulated plant, `make test` passes the tests.
# Both set up what they need in .venv from requirements.lock (hash-checked).

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
CONSOLE := dashboards/console/dist/index.html

.PHONY: demo test setup lint types imports bench soak console lock clean

demo: $(READY) $(CONSOLE)
	$(BIN)/lightline demo

test: $(READY) $(CONSOLE)
	$(BIN)/python -m pytest -n 2 --dist loadfile

setup: $(READY)

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Lightline needs Python 3.11 or newer; name one with: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "Python's venv module is missing; on Debian: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(READY)

console: $(CONSOLE)

$(CONSOLE): $(READY) $(shell find dashboards/console -type f -not -path '*/node_modules/*' -not -path '*/dist/*' 2>/dev/null)
	$(BIN)/python dashboards/build.py

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

imports: $(READY)
	$(BIN)/lint-imports

bench: $(READY)
	$(BIN)/python -m bench collector
	$(BIN)/python -m bench store
	$(BIN)/python -m bench analyzer
	$(BIN)/python -m bench api

soak: $(READY)
	$(BIN)/python -m pytest -m soak --timeout 3600 -s

lock:
	$(PYTHON) -m pip install --quiet uv
	$(PYTHON) -m uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-header --output-file requirements.lock

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis dashboards/console/dist dashboards/console/node_modules
