# `make help` lists what there is.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
# One more than cores: what waits for a server or another process leaves its core to the others.
WORKERS = $(shell $(PYTHON) -c "import os; print(min((os.cpu_count() or 1) + 1, 5))")
PYTEST_PARALLEL = python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder
# Tests and the plugins that pytest rewrites are compiled once, not by every worker of every run.
test test-ci test-all test-fast test-long test-repeated: export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help install pipeline runs matrix search test test-ci test-all test-fast test-long test-repeated lint typecheck format ui serve alerts prune docs bench lock clean

help: ## List the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1\t\2/' | expand -t 14

install: $(VENV)/.installed ## Make the environment: pinned, hashes checked, bytecode compiled

# Where pip is told of another index, uv is told of the same.
INDEX = $(or $(UV_DEFAULT_INDEX),$(PIP_INDEX_URL),$(shell $(PYTHON) -m pip config get global.index-url 2>/dev/null))
PIP_INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile

$(VENV)/.installed: requirements.lock installer.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "rlrec needs Python 3.11 or newer, but $(PYTHON) is " + sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)
# Compiled here: where PYTHONDONTWRITEBYTECODE is set, importing TensorFlow would otherwise cost 17 s at every start.
	$(PIP_INSTALL) --require-hashes -r installer.lock
	$(if $(INDEX),UV_DEFAULT_INDEX='$(INDEX)') $(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock \
		|| { echo "uv could not install the packages; pip tries"; $(PIP_INSTALL) --require-hashes -r requirements.lock; }
	$(PIP_INSTALL) --no-deps --no-build-isolation -e .
# With all cores, which pip does not do. What is not for this Python (templates, tests of other versions) is left as it is.
	@$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib || true
	$(BIN)/python -m compileall -q src flows tasks
	@touch $@

pipeline: install ## Data, validation, world, training, evaluation, comparison, report
	@python -m flows.pipeline

runs: install ## One row a run: what is different in its parameters, and its headline figures
	@python -m flows.running.runs

matrix: install ## The experiment matrix: scenarios, learners with seeds, baselines; LEARNERS=a3c,a2c for these alone
	@python -m flows.matrix $(if $(LEARNERS),--learners '$(LEARNERS)')

search: install ## Search the settings of LEARNER (the reference where absent), by validation users; goes on where it stopped
	@python -m flows.search $(LEARNER)

test: install ## The test suite, a worker a core and one more
	$(PYTEST_PARALLEL) -m "not long and not ci"

test-ci: install ## What else CI runs: the UI, full disks, ml-1m, sharing; the fault tests alone, since some of them watch the clock
	$(PYTEST_PARALLEL) -m "ci and not long" --ignore tests/faults
	python -m pytest tests/faults

test-all: install ## Both in one session, as CI runs them: what is made for many tests is made once
	$(PYTEST_PARALLEL) -m "not long" --ignore tests/faults
	python -m pytest tests/faults

test-fast: install ## Without the slow tests
	python -m pytest -m "not slow"

test-long: install ## What takes minutes more: kills at 50 random moments, disks that fill up on the way
	python -m pytest -m long

test-repeated: install ## How often each promise holds of N=20 times; PROMISE=ending,proxy for these alone; log in build/repeated.log
	@mkdir -p build && echo "to be followed in build/repeated.log"
	@python -m pytest -v -m holds --repeat $(or $(N),20) $(if $(PROMISE),--promise $(PROMISE)) > build/repeated.log 2>&1; \
		code=$$?; sed -n '/ promises /,$$p' build/repeated.log; exit $$code

lint: install ## Style
	ruff check .
	ruff format --check .

typecheck: install ## Types
	mypy

format: install ## Put style right
	ruff check --fix .
	ruff format .

ui: install ## Start the Prefect server and UI on loopback, with the runs of this folder
	@python -m flows.running.ui

serve: install ## The same, and a deployment of the pipeline to run and to schedule from the UI; CATCH_UP=1 after missed nights
	@python -m flows.running.serve $(if $(CATCH_UP),--catch-up)

alerts: install ## Have TO='https://… mailtos://…' told of runs that fail, are late or were missed; without it, who is told; REMOVE=1 for nobody
	@python -m flows.running.alerts $(if $(REMOVE),--remove) $(if $(LATE),--late $(LATE)) $(if $(ENDED),--ended) $(foreach address,$(TO),'$(address)')

prune: install ## Take the pages of runs that ended 90 days ago out of Prefect's database; DAYS=30 of more recent ones too
	@python -m flows.running.prune $(if $(DAYS),--days $(DAYS))

docs: install ## Build the documentation into build/site
	NO_MKDOCS_2_WARNING=1 mkdocs build --strict # --quiet would switch strict off

bench: install ## All benchmarks (over an hour on two cores)
	for name in throughput time_to_quality peers scaling catalogue published ml1m recommend titles checking served tuning planners logged irec nicf; do python -m benchmarks.$$name || exit 1; done

RESOLVED = --universal --generate-hashes --python-version 3.11 --no-emit-index-url --no-header --quiet --upgrade

lock: ## Resolve the dependencies anew
	$(PYTHON) -m venv build/lock
	build/lock/bin/python -m pip install --quiet uv
	build/lock/bin/uv pip compile pyproject.toml --extra dev $(RESOLVED) -o requirements.lock
	build/lock/bin/uv pip compile --group installer $(RESOLVED) -o installer.lock

clean: ## Remove the environment and what tools cache; data and models stay
	rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache .hypothesis
