# Everything works on a machine with Python >= 3.11, make and git. `make help` lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PORT ?= 5055
# More for `make sandbox`, such as ARGS="--parameter Mode=observe --delay 3 --duplicate".
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
# SAM and boto3 want a region; nothing here talks to AWS. Telemetry off: builds stay offline.
export AWS_DEFAULT_REGION ?= us-east-1
export SAM_CLI_TELEMETRY := 0
# Compiled modules are kept whatever the caller's environment says: else every process of the tests
# compiles hundreds of them anew.
export PYTHONDONTWRITEBYTECODE :=
export PATH := $(CURDIR)/$(BIN):$(PATH)
SHIPPED := $(shell find src -type f -not -name '*.pyc')

# The first Python that works and is new enough; the code needs 3.11, Lambda runs 3.13.
PYTHON ?= $(shell for p in python3 python3.13 python3.14 python3.12 python3.11; do \
  $$p -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' \
  >/dev/null 2>&1 && echo $$p && break; done)

.PHONY: help setup demo demo-org test check sandbox build release bench docs lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.installed ## make .venv with all tools and the command sfn-guardrail

$(VENV)/.installed: requirements-dev.txt requirements-setup.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "no Python from 3.11 to 3.14 found; install one or set PYTHON=" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python tools/install_pins.py $(BIN)/python requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps \
	  --no-build-isolation --editable .
	@touch $@

build: .aws-sam/.built ## build the Lambda artifacts (for Python 3.13 on arm64, with any Python)

.aws-sam/.built: $(VENV)/.installed template.yaml $(SHIPPED)
	sam build --parallel >.aws-sam.log 2>&1 || { cat .aws-sam.log >&2; rm -f .aws-sam.log; exit 1; }
	@rm -f .aws-sam.log
	@touch $@

release: build ## write the organisation's template and artifact to build/release
	@python -m guardrail_cli.org build/release

demo: build ## play the story on a local AWS: created, loosened, put back, observed
	@python -m guardrail_sandbox demo

demo-org: build ## play an organisation's story: rolled out, joined, upgraded, removed
	@python -m guardrail_sandbox demo-org

sandbox: build ## keep a local AWS running on PORT (5055)
	@python -m guardrail_sandbox serve --port $(PORT) $(ARGS)

test: build ## run all tests here, what ships on Python 3.13 too; ALL_PYTHONS=1: on every Python
	@python tests/run.py

check: build ## everything that must be green: style, types, layers, template, tests
	ruff check --no-cache
	ruff format --check
	mypy
	lint-imports
	cfn-lint template.yaml
	sam validate --lint
	@python tests/run.py

bench: build ## measure speed (ratios; the figures are those of this machine)
	@set -e; for script in $(sort $(wildcard bench/*.py)); do echo "== $$script"; python $$script; done

docs: setup ## write the generated reference pages anew
	@python docs/generate.py
	@python -m guardrail_sandbox behaviours --markdown >docs/reference/sandbox-behaviours.md

lock: setup ## pin the requirements anew, with hashes
	uv pip compile pyproject.toml --group setup --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header --quiet --output-file requirements-setup.txt
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header --quiet --output-file requirements-dev.txt
	uv pip compile pyproject.toml --group test --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header --quiet \
	  --constraint requirements-dev.txt --output-file requirements-test.txt
	uv pip compile pyproject.toml --group runtime --universal --python-version 3.13 \
	  --generate-hashes --no-emit-index-url --no-header --quiet \
	  --constraint requirements-dev.txt --output-file src/requirements.txt

clean: ## remove what was built
	rm -rf .venv .venv-* .aws-sam build .hypothesis .mypy_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
