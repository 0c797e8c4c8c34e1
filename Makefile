# Needs only make and Python >= 3.11. `make` alone lists what there is.
.DEFAULT_GOAL := help
SHELL := /bin/sh
VENV := .venv
PY := $(VENV)/bin/python
RUN_STAMP := $(VENV)/.installed-run
DEV_STAMP := $(VENV)/.installed-dev
MEASURE_STAMP := $(VENV)/.installed-measure
PIP_INSTALL := $(PY) -m pip install -qq --disable-pip-version-check --no-input --no-deps
WORKERS ?= 2
SEEDS ?= 100
FROM ?= 1
MOST ?= 200
EXAMPLES ?= 2000
KILLS ?= 100
CHAOS ?=
ONLY ?=
RESUME ?=
CONFORMANCE_SEEDS ?= 4
COVERED_BY ?= tests/unit tests/contract tests/simulation --ignore tests/simulation/test_planted_bugs.py

.PHONY: help demo test lint format bench simulate chaos scenarios sweep converge mutants mutation coverage conformance record lock schemas clean distclean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(RUN_STAMP) ## a simulated merchant: plan, apply, sixty days of recovery
	@$(VENV)/bin/flexpay demo

test: lint ## lint, types, import law and every test
	@$(PY) -m pytest -n $(WORKERS) -q

lint: $(DEV_STAMP) ## ruff, formatting, mypy, import law
	@$(PY) -m ruff check --quiet .
	@$(PY) -m ruff format --quiet --check . || { echo "Formatting differs: run 'make format'."; exit 1; }
	@$(PY) -m mypy
	@$(VENV)/bin/lint-imports --no-logo

format: $(DEV_STAMP) ## format the code and apply safe fixes
	@$(PY) -m ruff check --quiet --fix-only .
	@$(PY) -m ruff format --quiet .

bench: $(MEASURE_STAMP) ## every benchmark, a table each, with a peer or the limit beside it
	@$(PY) -m benchmarks

simulate: $(DEV_STAMP) ## a campaign of seeded trouble, judged by the simulator's ledger: make simulate SEEDS=200
	@$(PY) -m tests.simulation.campaign --seeds $(SEEDS) --from $(FROM) --jobs $(WORKERS)

scenarios: $(DEV_STAMP) ## the named scenarios of docs/SCENARIOS_ENGINE.md, the storm with its five thousand customers
	@$(PY) -m tests.simulation.scenarios

chaos: $(DEV_STAMP) ## real daemons killed, stopped and starved, judged by the simulator's ledger: make chaos KILLS=500
	@$(PY) -m tests.chaos --kills $(KILLS) --jobs $(WORKERS) $(CHAOS)

sweep: $(DEV_STAMP) ## die at every crash point, under every answer of Stripe, with every order of restarts
	@$(PY) -m tests.simulation.sweep --jobs $(WORKERS)

converge: $(DEV_STAMP) ## random manifests and random drift, one apply each: make converge EXAMPLES=50000
	@FLEXPAY_TEST_EXAMPLES=$(EXAMPLES) $(PY) -m pytest -q --timeout=0 tests/unit/operations_control/test_convergence.py

mutants: $(DEV_STAMP) ## every planted bug, hunted until a seed of the campaign finds it: make mutants MOST=200
	@$(PY) -m tests.simulation.mutants --seeds $(MOST) --jobs $(WORKERS)

mutation: $(MEASURE_STAMP) ## mutation score of recovery and declines (20 min on a core): make mutation ONLY='*gates*' RESUME=1
	@test -n "$(RESUME)" || rm -rf mutants
	@$(VENV)/bin/mutmut run --max-children $(WORKERS) $(if $(ONLY),'$(ONLY)')
	@$(PY) scripts/mutation_score.py --at-least 80 $(if $(ONLY),--only '$(ONLY)')

coverage: $(MEASURE_STAMP) ## branch coverage of recovery, declines and operations, at least 95 %
	@rm -f .coverage .coverage.*
	@$(PY) -m coverage run -m pytest -n $(WORKERS) -q --timeout 900 $(COVERED_BY)
	@$(PY) -m coverage combine --quiet
	@$(PY) -m coverage report --fail-under 95

conformance: $(DEV_STAMP) ## hold the simulator against Stripe's own OpenAPI document, to the last field
	@$(PY) -m tests.conformance --seeds $(CONFORMANCE_SEEDS)

record: $(DEV_STAMP) ## with STRIPE_TEST_KEY: ask a Stripe sandbox the same questions, and show where the simulator differs
	@$(PY) -m tests.contract.gateways.record --stripe

schemas: $(RUN_STAMP) ## publish the package's JSON schemas to schemas/
	@$(PY) scripts/publish_schemas.py

lock: ## resolve requirements/*.lock again (needs uv on PATH or in .venv)
	@./scripts/lock.sh

clean: ## remove caches and build output
	@rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .grimp_cache .coverage .coverage.* mutants
	@find flexpay_reconcile tests benchmarks scripts -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

distclean: clean ## clean, and remove .venv
	@rm -rf $(VENV)

# The first of these that is Python >= 3.11; PYTHON=/path/to/python asks for one and no other.
$(PY):
	@for candidate in $(or $(PYTHON),python3 python3.13 python3.12 python3.11 python); do \
	  if $$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
	    echo "Creating $(VENV) with $$($$candidate --version 2>&1) ..."; \
	    $$candidate -m venv $(VENV) && exit 0; \
	    echo "error: '$$candidate -m venv $(VENV)' failed; your system may keep venv in a package of its own (Debian: python3-venv)." >&2; \
	    rm -rf $(VENV); exit 1; \
	  fi; \
	done; \
	found=$$($(or $(PYTHON),python3) --version 2>/dev/null || echo "none"); \
	echo "error: flexpay-reconcile needs Python 3.11 or newer, found: $$found. Install one, or run 'make PYTHON=/path/to/python3.11 ...'." >&2; exit 1

# A lock names everything that is needed, so nothing else is resolved. Hashes are checked for everything that is downloaded;
# the project itself is then linked in without any download.
$(RUN_STAMP): requirements/run.lock pyproject.toml | $(PY)
	@echo "Installing what the product needs ..."
	@$(PIP_INSTALL) --require-hashes --only-binary :all: -r requirements/run.lock
	@$(PIP_INSTALL) --no-build-isolation --editable .
	@touch $@

# dev.lock holds everything of run.lock at the same versions.
$(DEV_STAMP): requirements/dev.lock pyproject.toml | $(PY)
	@echo "Installing what the product and its tests need ..."
	@$(PIP_INSTALL) --require-hashes --only-binary :all: -r requirements/dev.lock
	@$(PIP_INSTALL) --no-build-isolation --editable .
	@touch $(RUN_STAMP) $@

# measure.lock holds everything of dev.lock at the same versions.
$(MEASURE_STAMP): requirements/measure.lock $(DEV_STAMP)
	@echo "Installing what measures the tests ..."
	@$(PIP_INSTALL) --require-hashes --only-binary :all: -r requirements/measure.lock
	@touch $@
