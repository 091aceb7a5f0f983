# Phonebill: `make run` starts everything, `make test` runs all a change must pass.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Packages' own notices about newer versions say nothing about this project.
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

SHEET := test-results/contact-sheet

# Settings as a deployment would have them, for checks that read settings and touch nothing.
ZEROS := AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
AS_DEPLOYED := env SANDBOX=0 DEBUG=0 DJANGO_SETTINGS_MODULE=portal.settings \
	SECRET_KEY=for-checks-only-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEF \
	FIELD_KEYS=k1:$(ZEROS) BLIND_INDEX_KEY=$(ZEROS) \
	PUBLIC_URL=https://pay.example.kr ALLOWED_HOSTS=pay.example.kr \
	DATABASE_URL=postgresql://nobody@127.0.0.1:1/none REDIS_URL=redis://127.0.0.1:1/0 \
	CARRIER_API_URL=https://operator.example.kr CARRIER_API_TOKEN=for-checks-only

.PHONY: help run test lint mutants browser contact-sheet bench chaos lock font messages clean

help: ## list these commands
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /  make \1\t/'

run: $(VENV)/run.stamp ## set up and start the portal with everything it needs; Ctrl-C stops it
	@PHONEBILL_DIE_WITH_PARENT=1 exec $(BIN)/python manage.py up

# Three at a time, each with servers of its own: on two cores two would often both wait.
test: lint browser ## set up, then lint, types, import rules, templates, checks and every test
	$(BIN)/python -m pytest -n 3 --dist loadgroup --no-loadscope-reorder

lint: $(VENV)/dev.stamp ## everything of `make test` that needs no server
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(AS_DEPLOYED) $(BIN)/mypy portal payments support manage.py
	$(BIN)/lint-imports --no-logo
	$(BIN)/djlint --lint --quiet templates payments/carriers/sandbox/templates
	$(AS_DEPLOYED) $(BIN)/python -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run
	$(AS_DEPLOYED) $(BIN)/python manage.py check --deploy --fail-level WARNING

mutants: $(VENV)/dev.stamp ## change the pure rules in every small way; their tests must see 95 % of it
	@$(BIN)/python -m tests.mutants

browser: $(VENV)/dev.stamp ## find Chromium for the browser tests, or install it
	@$(BIN)/python -m tests.browser

# The sheet is written whatever the journeys found: that is when it is looked at.
contact-sheet: browser ## one page with a picture of every page: test-results/contact-sheet/index.html
	rm -rf $(SHEET)
	mkdir -p $(SHEET)
	SCREENSHOTS=$(CURDIR)/$(SHEET) $(BIN)/python -m pytest tests/journeys/test_pages.py -q; \
		status=$$?; $(BIN)/python -m tests.contact_sheet $(SHEET) && exit $$status

bench: $(VENV)/dev.stamp ## what buying costs a slow phone, on the portal that `make run` has started
	@$(BIN)/python -m tests.bench.buying

chaos: $(VENV)/dev.stamp ## break everything: PROFILE=smoke|nightly|month-end|blind SEED=n PAYMENTS=n
	@$(BIN)/python -m tests.chaos --profile $(or $(PROFILE),smoke) \
		$(if $(SEED),--seed $(SEED)) $(if $(PAYMENTS),--payments $(PAYMENTS))

lock: $(VENV)/dev.stamp ## write both lock files anew from pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 \
		pyproject.toml --output-file requirements.txt
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 \
		pyproject.toml --extra dev --output-file requirements-dev.txt

font: $(VENV)/dev.stamp ## cut the font of the pages anew, with every sign our words are written with
	$(AS_DEPLOYED) $(BIN)/python manage.py cut_font

messages: $(VENV)/run.stamp ## collect and compile translations (needs gettext)
	$(AS_DEPLOYED) $(BIN)/python manage.py makemessages --locale en --ignore '$(VENV)' --ignore var \
		--no-location --no-wrap
	$(AS_DEPLOYED) $(BIN)/python manage.py compilemessages --ignore '$(VENV)'

clean: ## remove the environment, caches and the data of `make run`
	rm -rf $(VENV) var test-results .mypy_cache .ruff_cache .pytest_cache .hypothesis \
		.import_linter_cache .grimp_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@echo "Making $(VENV) …"
	@$(PYTHON) -m venv $(VENV) \
		|| { rm -rf $(VENV); echo "venv is missing: apt-get install python3-venv" >&2; exit 1; }

$(VENV)/run.stamp: requirements.txt | $(BIN)/python
	@echo "Installing what it takes to run …"
	@$(PIP) install --require-hashes --requirement requirements.txt
	@touch $@

$(VENV)/dev.stamp: requirements-dev.txt | $(BIN)/python
	@echo "Installing tests and tools …"
	@$(PIP) install --require-hashes --requirement requirements-dev.txt
	@touch $@
