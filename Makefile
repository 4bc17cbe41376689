# The commands of the project; `make help` lists them.
PY ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.DEFAULT_GOAL := help
.PHONY: help demo demo-reset run test test-fast check format bench browser locks

help:  ## list the commands
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

demo: $(VENV)/.done  ## site, worker, local tenant and mailbox on this machine, nothing else needed
	@$(BIN)/python app.py

demo-reset:  ## forget everything the demo has stored
	@rm -rf "$${INSTANCE_DIR:-instance}" && echo "Forgotten: $${INSTANCE_DIR:-instance}/"

run: $(VENV)/.done  ## the site and a worker against the tenant of the environment or .env
	@$(BIN)/python -m flask --app app serve

test: $(VENV)/.done-test browser  ## every test, browser tests included
	@$(BIN)/python -m pytest

test-fast: $(VENV)/.done-test  ## the tests that need no browser
	@$(BIN)/python -m pytest -m "not browser"

check: $(VENV)/.done-test  ## lint and types
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

format: $(VENV)/.done-test  ## put the code into its format
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

bench: $(VENV)/.done-test  ## measure beside a quickstart-style site
	@$(BIN)/python -m bench

locks:  ## write both locks anew (needs uv)
	uv pip compile pyproject.toml -q --generate-hashes --no-emit-index-url --universal --python-version 3.11 --custom-compile-command "make locks" -o requirements.lock
	uv pip compile pyproject.toml -q --extra test --generate-hashes --no-emit-index-url --universal --python-version 3.11 --custom-compile-command "make locks" -o requirements-test.lock

$(VENV)/.done: pyproject.toml requirements.lock
	@$(PY) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version.split()[0] + ". Name another one: make PY=python3.12 ...")'
	@$(PY) -c 'import ensurepip' 2>/dev/null || { echo "Python cannot make virtual environments here. On Debian or Ubuntu: apt-get install python3-venv"; exit 1; }
	@echo "Installing into $(VENV) (once) ..."
	@$(PY) -m venv $(VENV)
	@$(BIN)/python -m pip install -q --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install -q --no-deps -e .
	@touch $@

$(VENV)/.done-test: $(VENV)/.done requirements-test.lock
	@echo "Installing what the tests need (once) ..."
	@$(BIN)/python -m pip install -q --require-hashes -r requirements-test.lock
	@touch $@

browser: $(VENV)/.done-test
	@$(BIN)/python -m tests.browser.install
