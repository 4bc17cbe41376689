# The commands of the project; `make help` lists them.
PY ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK = 1
# Else glibc keeps free memory apart for each few threads: a tenth of what the site holds.
export MALLOC_ARENA_MAX ?= 2

.DEFAULT_GOAL := help
.PHONY: help demo demo-reset run test test-fast test-proxy coverage soak check format bench browser redis screenshots translations locks

help:  ## list the commands
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

demo: $(VENV)/.done-demo  ## the site, a worker, a local tenant and a mailbox on this machine; no account needed
	@$(BIN)/python app.py

demo-reset: $(VENV)/.done-demo  ## forget everything the demo has stored, unless it runs
	@$(BIN)/python app.py reset

run: $(VENV)/.done  ## the site and a worker, with the settings of the environment or .env
	@FLASK_SKIP_DOTENV=1 $(BIN)/python -m flask --app app serve

test: $(VENV)/.done-test redis browser  ## every test, browser tests included
	@$(BIN)/python -m pytest

coverage: $(VENV)/.done-test redis browser  ## every test, with the coverage of the site; takes half as long again
	@$(BIN)/python -m pytest --cov --cov-fail-under=85

test-fast: $(VENV)/.done-test redis  ## the tests that need no browser
	@$(BIN)/python -m pytest -m "not browser"

test-proxy: $(VENV)/.done-test  ## the journey behind nginx, which has to be installed
	@$(BIN)/python -m pytest -n1 tests/deployment/proxy_nginx.py

soak: $(VENV)/.done-test  ## the long runs: hundreds of kills, an hour of outage, the life of invitations in any order
	@$(BIN)/python -m pytest -n1 tests/soak/soak_*.py

check: $(VENV)/.done-test  ## lint, types, and who imports whom
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports --no-logo --no-cache

format: $(VENV)/.done-test  ## sort imports and format
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

bench: $(VENV)/.done-test  ## measure the site, and write bench-results/
	@$(BIN)/python -m bench

screenshots: $(VENV)/.done-test browser  ## take the pictures of README.md and docs/using.md
	@$(BIN)/python -m tests.browser.screenshots

translations: $(VENV)/.done-test  ## collect the sentences of pages and mails, and compile their translations
	@$(BIN)/pybabel -q extract -F pyproject.toml -k marked --sort-by-file --add-location=file --width=100 -o translations/messages.pot .
	@$(BIN)/pybabel -q update -i translations/messages.pot -d translations --no-fuzzy-matching --ignore-pot-creation-date --ignore-obsolete --width=100
	@$(BIN)/pybabel -q compile -d translations; rm translations/messages.pot

locks:  ## resolve the dependencies again (needs uv)
	uv pip compile $(LOCK_OPTIONS) -o requirements.lock
	uv pip compile $(LOCK_OPTIONS) --extra local-tenant -o requirements-demo.lock
	uv pip compile $(LOCK_OPTIONS) --extra test -o requirements-test.lock

LOCK_OPTIONS = pyproject.toml -q --generate-hashes --no-emit-index-url --no-strip-extras --universal --python-version 3.11 --custom-compile-command "make locks"

# The virtual environment. Each stamp says that the packages of one lock are installed in it.
$(VENV)/.created:
	@$(PY) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version.split()[0] + ". Name another one: make PY=python3.12 ...")'
	@$(PY) -c 'import ensurepip' 2>/dev/null || { echo "Python cannot make virtual environments here. On Debian or Ubuntu: apt-get install python3-venv"; exit 1; }
	@$(PY) -m venv $(VENV)
	@touch $@

$(VENV)/.done: requirements.lock
$(VENV)/.done-demo: requirements-demo.lock
$(VENV)/.done-test: requirements-test.lock
$(VENV)/.done $(VENV)/.done-demo $(VENV)/.done-test: $(VENV)/.created pyproject.toml
	@echo "Installing the packages of $(filter %.lock,$^) into $(VENV): once, for about a minute ..."
	@$(BIN)/python -m pip install -q --require-hashes -r $(filter %.lock,$^)
	@$(BIN)/python -m pip install -q --no-deps -e .
	@$(BIN)/python -m compileall -q invite_site
	@touch $@

browser: $(VENV)/.done-test
	@$(BIN)/python -m tests.browser.install

redis: $(VENV)/.done-test
	@$(BIN)/python -m tests.support.redis_server
