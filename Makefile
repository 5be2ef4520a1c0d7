# `make demo` shows the provider at work on a real Airflow; `make test` checks it. Both install what they need first.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# The first of these that runs and is new enough makes the environments (a pyenv shim may exist and refuse to run).
BOOT := $(shell for p in python3 python3.12 python3.11 python3.13 python3.10 python \
	$${PYENV_ROOT:-$$HOME/.pyenv}/versions/3.1[0-3].*/bin/python; do \
	"$$p" -c 'import sys, venv; sys.exit(sys.version_info < (3, 10))' >/dev/null 2>&1 && echo "$$p" && break; done)

VENV := .venv
VENV2 := .venv-airflow2
VENV_ENGINE := .venv-engine
VENV_MUTANTS := .venv-mutants
RUN := $(VENV)/bin/python -m
SCHEMA := $(RUN) check_jsonschema --quiet --builtin-schema
# PYTHON and PYTHON2 name the interpreter for Airflow 3 and for Airflow 2.11, where the search should not decide.
PYTHON ?=
PYTHON2 ?=
# The unit tests wait more than they compute: two processes for each processor.
PROCESSES := -n $(shell expr 2 '*' $$(getconf _NPROCESSORS_ONLN)) --dist worksteal
# More arguments for pytest, for example: make unit ARGS="-k signing -x"
ARGS ?=
INSTALLED_FROM := pyproject.toml $(wildcard constraints/*.txt) scripts/environment.py

export AIRFLOW__CORE__LOAD_EXAMPLES := False
export PYTHONUNBUFFERED := 1
# Where it is set, each of the tests' processes compiles all tests and packages again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## This list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(VENV)/.installed ## The example DAGs on a real Airflow against a local DataWorks; KEEP=1 leaves it open in a browser
	@$(RUN) tests.support.demo $(if $(KEEP),--keep)

.PHONY: test
test: lint coverage slow contract faults airflow2 ## Lint, types, all unit and contract tests, coverage, faults; the tests once more on Airflow 2.11

.PHONY: unit
unit: $(VENV)/.installed ## The quick unit tests, in less than a minute: not those that wait
	@$(RUN) pytest tests/unit -m "not slow and not waits" $(PROCESSES) $(ARGS)

.PHONY: coverage
coverage: $(VENV)/.installed ## Unit tests, those that wait too, with the coverage of lines and branches; below the floor it fails
	@$(RUN) pytest tests/unit -m "not slow" $(PROCESSES) --cov --cov-report=term $(ARGS)

.PHONY: mutants
mutants: $(VENV_MUTANTS)/.installed ## Mutation testing of client/ and waiting/; ONLY=client/retry is one module, SAMPLE=50 SEED=1 some mutants
	@$(VENV_MUTANTS)/bin/python -m scripts.mutants $(if $(ONLY),--only "$(ONLY)") $(if $(SAMPLE),--sample $(SAMPLE)) $(if $(SEED),--seed $(SEED)) $(ARGS)

.PHONY: slow
slow: $(VENV)/.installed ## Unit tests that are needed once only: the documentation's pages, type checkers, fault campaign
	@$(RUN) pytest tests/unit -m slow $(PROCESSES) $(ARGS)

.PHONY: contract
contract: $(VENV)/.installed ## Contract tests (wire format, official SDK) on the default Airflow
	@$(RUN) pytest tests/contract $(PROCESSES) $(ARGS)

.PHONY: faults
faults: $(VENV)/.installed ## 200 random schedules of faults; LONG=1 runs 2,000, SEED=n replays one
	@$(RUN) tests.faults $(if $(LONG),--long) $(if $(SEED),--seed $(SEED)) $(ARGS)

.PHONY: airflow2
airflow2: $(VENV2)/.installed ## Unit and contract tests on Airflow 2.11 but the slow ones, where a Python for it is installed
	@if [ -e $(VENV2)/.installed ]; then \
		$(VENV2)/bin/python -m pytest tests/unit tests/contract -m "not slow" $(PROCESSES) $(ARGS); \
	else echo "Skipped: unit and contract tests on Airflow 2.11."; fi

.PHONY: e2e
e2e: $(VENV)/.installed $(VENV2)/.installed ## End-to-end tests on real Airflows, 3.3 and 2.11
	@$(RUN) pytest tests/e2e -p no:randomly $(ARGS)

.PHONY: pictures
pictures: $(VENV)/.installed $(VENV2)/.installed ## New screenshots of the documentation, into docs/images
	@SCREENSHOTS=docs/images $(RUN) pytest tests/e2e/test_browser.py -p no:randomly $(ARGS)

.PHONY: matrix
matrix: $(VENV)/.installed ## Unit and contract tests on every Airflow and Python; ONLY="3.0 py3.12" is one of them
	@$(RUN) scripts.matrix $(if $(ONLY),--only "$(ONLY)") $(ARGS)

.PHONY: engine
engine: $(VENV_ENGINE)/.installed ## DI jobs through Celery, Redis and PostgreSQL while programs are killed; JOBS=300 SEED=1
	@$(VENV_ENGINE)/bin/python -m tests.distributed.engine $(if $(JOBS),--jobs $(JOBS)) $(if $(SEED),--seed $(SEED))

.PHONY: load
load: $(VENV)/.installed ## Deferred sensors on one triggerer; SENSORS=2000
	@$(RUN) tests.distributed.load $(if $(SENSORS),--sensors $(SENSORS))

.PHONY: lint
lint: $(VENV)/.installed workflows prose ## Style, types, the documentation's words, workflow files
	@$(RUN) ruff check .
	@$(RUN) ruff format --check .
	@$(RUN) mypy

.PHONY: workflows
workflows: $(VENV)/.installed ## Workflows, issue forms and other files of the forge: schemas, and zizmor's audits
	@$(SCHEMA) vendor.github-workflows .github/workflows/*.yml
	@$(SCHEMA) custom.github-workflows-require-timeout .github/workflows/*.yml
	@$(SCHEMA) vendor.github-issue-forms $(filter-out %/config.yml,$(wildcard .github/ISSUE_TEMPLATE/*.yml))
	@$(SCHEMA) vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	@$(SCHEMA) vendor.dependabot .github/dependabot.yml
	@$(SCHEMA) vendor.readthedocs .readthedocs.yaml
	@$(VENV)/bin/zizmor --offline --quiet .github

.PHONY: prose
prose: $(VENV)/.installed ## The documentation's words and sentences
	@$(RUN) scripts.prose

.PHONY: format
format: $(VENV)/.installed ## Rewrite the code in the project's style
	@$(RUN) ruff check --fix-only --quiet .
	@$(RUN) ruff format .

.PHONY: docs
docs: $(VENV)/.installed ## The documentation, into docs/_build/html
	@$(VENV)/bin/python docs/architecture.py
	@$(VENV)/bin/python docs/badges.py
	@rm -rf docs/_build/html
	@$(RUN) sphinx -W --keep-going -q -b html docs docs/_build/html
	@$(VENV)/bin/python docs/check_links.py docs/_build/html
	@echo "docs/_build/html/index.html"

.PHONY: dist
dist: $(VENV)/.installed ## Build wheel and sdist into dist/ and check them, in a bare Airflow too
	@$(RUN) scripts.release

.PHONY: release
release: $(VENV)/.installed ## make dist, and fail unless everything is ready for a release; TAG=v1.2.3
	@$(RUN) scripts.release --strict $(if $(TAG),--tag $(TAG))

.PHONY: bench
bench: $(VENV)/.installed ## The benchmarks of tests/benchmarks
	@set -e; for script in $$(grep -l '^if __name__ == "__main__"' tests/benchmarks/*.py); do \
		echo "--- $$script"; $(RUN) tests.benchmarks.$$(basename $$script .py) $(ARGS); done

.PHONY: newcomer
newcomer: $(VENV)/.installed ## The commands of README and tour, from an empty home, with times; FULL=1 runs make test too
	@$(RUN) scripts.newcomer $(if $(FULL),--full)

.PHONY: clean
clean: ## Remove everything that make made
	rm -rf $(VENV) $(VENV2) $(VENV_ENGINE) $(VENV_MUTANTS) .matrix .mutants .demo .e2e build dist docs/_build .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.installed: $(INSTALLED_FROM)
	@test -n "$(BOOT)" || { echo "Python 3.10 or newer, with venv and pip, is needed."; exit 1; }
	@$(BOOT) scripts/environment.py 3 $(VENV) $(if $(PYTHON),--python $(PYTHON))
	@touch $@

# No fitting Python (exit status 3) is no failure: what needs this environment says that it skips.
$(VENV2)/.installed: $(INSTALLED_FROM) | $(VENV)/.installed
	@$(BOOT) scripts/environment.py 2 $(VENV2) $(if $(PYTHON2),--python $(PYTHON2)) && touch $@ || [ $$? -eq 3 ]

$(VENV_ENGINE)/.installed: $(INSTALLED_FROM) | $(VENV)/.installed
	@$(BOOT) scripts/environment.py engine $(VENV_ENGINE) $(if $(PYTHON),--python $(PYTHON))
	@touch $@

$(VENV_MUTANTS)/.installed: $(INSTALLED_FROM) | $(VENV)/.installed
	@$(BOOT) scripts/environment.py mutants $(VENV_MUTANTS) $(if $(PYTHON),--python $(PYTHON))
	@touch $@
