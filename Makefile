# make demo           set up, then JupyterLab with the quickstart already run; prints its URL
# make demo SERVE=0   set up, then write the executed notebook and a picture of it to DIR
# make test           set up, then everything: lint, types, vitest, pytest, browser tests
#
# PYTHON           interpreter to start from
# TORCH            requirements for torch
# ZFWIDGETS_VENV   environment to make or reuse
# DIR, PORT        where `make demo` writes and serves
# WORKERS          processes that the tests are spread over
# BROWSERS         the same of the tests in a browser

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# One after the other, but for what is said to go side by side.
ifndef SIDE_BY_SIDE
.NOTPARALLEL:
endif

PYTHON ?= python3
ZFWIDGETS_VENV ?= .venv
VENV := $(ZFWIDGETS_VENV)
BIN := $(if $(filter /%,$(VENV)),$(VENV),$(CURDIR)/$(VENV))/bin
# The environment may be shared: the stamp says whose checkout is installed in it.
STAMP := $(VENV)/.zfwidgets-$(shell pwd | cksum | cut -d' ' -f1)
TORCH_STAMP := $(VENV)/.torch
# Not a file that npm itself writes: an editable install leaves one without the tools.
NODE_STAMP := js/node_modules/.zfwidgets-tools

# On Linux, x86_64 and Python 3.11 a fixed pair, which CI has at hand; elsewhere pip chooses.
TORCH ?= $(shell $(PYTHON) -c 'import platform, sys; print("torch==2.14.1 torchvision==0.29.1" \
  if (sys.platform, platform.machine(), sys.version_info[:2]) == ("linux", "x86_64", (3, 11)) \
  else "torch torchvision")')

# Whether the machine has a Node that is new enough; else one is put into the environment.
NODE := $(shell command -v npm >/dev/null && node -e \
  'process.exit(+(parseInt(process.versions.node) < 20))' 2>/dev/null && echo "the machine's")

SERVE ?= 1
DIR ?= demo-output
PORT ?=
PYTEST_ARGS ?=
WORKERS ?= 2
# Those in a browser wait for pages and kernels more than they compute.
BROWSERS ?= 3

export PATH := $(BIN):$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# What Python compiles it keeps: hundreds of processes would compile the same again.
unexport PYTHONDONTWRITEBYTECODE

side_by_side = @$(MAKE) --no-print-directory SIDE_BY_SIDE=1
title = @printf '\n\033[1m== %s\033[0m\n' "$(1)"

.PHONY: help setup chromium build demo docs test prepare checks lint format types pytest vitest gpu browser bench dist clean

help: ## say what can be made
	@grep -E '^[a-z]+:.*## ' Makefile | sed -E 's/:.*## /	/' | expand -t 12

# ---------------------------------------------------------------- setting up

ifdef SIDE_BY_SIDE
setup: build
else
setup: ## environment, front-end tools, bundle
	$(side_by_side) -j2 build
endif

$(TORCH_STAMP): .ci/venv
	$(call title,Python and torch in $(VENV))
	.ci/venv "$(PYTHON)" "$(VENV)" "$(NODE)" $(TORCH)
	@touch $@

# After npm: an editable install builds the JavaScript, and would fetch tools of its own.
$(STAMP): pyproject.toml $(TORCH_STAMP) | $(NODE_STAMP)
	$(call title,zfwidgets and what its development needs in $(VENV))
	$(BIN)/python -m pip install --quiet --no-compile \
	  --editable ".[attribution,classroom,frames,lab,sanity,transfer]" \
	  --group dev --group docs --group hosts
	@rm -f $(VENV)/.zfwidgets-*
	@touch $@

$(NODE_STAMP): js/package.json js/package-lock.json | $(if $(NODE),,$(TORCH_STAMP))
	$(call title,Front-end tools in js/node_modules)
	cd js && npm ci --no-audit --no-fund
	@touch $@

build: | $(STAMP) $(NODE_STAMP) ## the JavaScript, if it is stale
	@$(BIN)/python js/hatch_build.py

chromium: ## a Chromium, if none is there
	@.ci/chromium "$(PYTHON)"

# ---------------------------------------------------------------- using

ifeq ($(SERVE),0)
demo: setup chromium ## the quickstart in JupyterLab; SERVE=0: as files in DIR
	@exec $(BIN)/python -m zfwidgets demo --no-serve --dir "$(DIR)"
else
demo: setup
	@exec $(BIN)/python -m zfwidgets demo --dir "$(DIR)" $(if $(PORT),--port $(PORT))
endif

# Not long_use, which takes an hour, same_bits, which compares trees, nor what writes pages.
BENCHMARKS ?= $(filter-out benchmarks.page.long_use benchmarks.engine.same_bits, \
  $(subst /,.,$(patsubst %.py,%,$(wildcard benchmarks/engine/[!_]*.py benchmarks/page/[!_]*.py)))) \
  benchmarks.classroom

bench: setup ## what benchmarks/ measure: BENCHMARKS=benchmarks.engine.index for one
	@set -e; for module in $(BENCHMARKS); do \
	  printf '\n\033[1m== %s\033[0m\n' "$$module"; $(BIN)/python -m "$$module"; \
	done

docs: setup ## the docs site in build/html, with a gallery of live reports
	$(BIN)/python .ci/site
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

dist: setup ## dist/: sdist and wheels, as released
	@$(BIN)/python .ci/distributions.py dist

# ---------------------------------------------------------------- checking

test: prepare checks pytest gpu browser ## everything
	$(call title,All checks passed)

prepare:
	$(side_by_side) -j3 build chromium

checks: prepare
	$(side_by_side) -j2 --output-sync=target types lint vitest

lint: setup ## style, and that imports point one way
	$(call title,ruff)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(call title,import-linter)
	$(BIN)/lint-imports
	$(call title,biome)
	cd js && npm run lint

format: setup ## rewrite the sources in style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	cd js && npm run format

types: setup ## types of Python and TypeScript
	$(call title,mypy)
	$(BIN)/mypy
	$(call title,tsc)
	cd js && npm run typecheck

vitest: setup ## the front end's tests
	$(call title,vitest)
	cd js && npm test

# Two threads on two cores that others use too wait for each other at every operation.
pytest browser: export OMP_NUM_THREADS ?= 1

pytest: setup ## Python's tests, but for the browser's
	$(call title,pytest)
	$(BIN)/pytest -m "not browser" -n $(WORKERS) --dist loadscope $(PYTEST_ARGS)

gpu: setup ## the GPU's tests, where there is an NVIDIA one
	$(call title,GPU tests)
	@if nvidia-smi -L >/dev/null 2>&1; then $(BIN)/pytest -m gpu tests $(PYTEST_ARGS); \
	else echo "no NVIDIA GPU here: left out"; fi

browser: setup chromium ## tests in Chromium against a real JupyterLab
	$(call title,browser tests)
	$(BIN)/pytest tests/browser -n $(BROWSERS) --dist worksteal $(PYTEST_ARGS)

clean: ## remove what was built, but not the environment
	rm -rf dist build demo-output zfwidgets/static js/node_modules test-results
