# Two commands matter: `make lab` to learn, `make test` to check. `make` alone lists them all.
# Settings:  PYTHON=python3.12    the Python to build .venv from (3.11 or newer)
#            TORCH_INDEX=URL      where pip also looks for torch, e.g. the CPU-only wheels; the URL
#                                 stands on https://pytorch.org/get-started/locally/
#            LAB_ARGS=--no-browser  more words for JupyterLab
#            JOBS=4               how many tests `make test` runs at a time, a file each
#            RUN="4 -p seed=1"    what `make notebooks` runs, see python -m mmaml_lite run -h
PYTHON ?= python3
TORCH_INDEX ?=
RUN ?=
JOBS ?= 2

VENV := .venv
PY := $(VENV)/bin/python
SHELL := /bin/sh
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help lab test notebooks store format constraints clean
.DEFAULT_GOAL := help

help:  ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

lab: $(VENV)/.installed-notebooks  ## set up .venv and open JupyterLab on the course
	$(PY) -m jupyterlab --notebook-dir=. --LabApp.default_url=/lab/tree/notebooks $(if $(filter 0,$(shell id -u)),--allow-root) $(LAB_ARGS)

test: export OMP_NUM_THREADS ?= 1
test: $(VENV)/.installed-test  ## set up .venv and run everything that CI runs
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) tests/browser/get_browser.py
	$(PY) -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

notebooks: $(VENV)/.installed-notebooks  ## execute every lesson into build/notebooks/, with HTML copies
	$(PY) -m mmaml_lite run $(RUN)

store: $(VENV)/.installed-test  ## write the outputs of the checked cells and pair the scripts
	$(PY) tests/notebooks/store.py $(RUN)

format: $(VENV)/.installed-test  ## let ruff put code and notebooks in order
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

constraints: $(VENV)/.checked  ## pin the newest versions that pyproject.toml allows (torch stays)
	$(PY) -m venv --clear build/constraints
	build/constraints/bin/python -m pip install -q -e '.[notebooks,test,bench]' $$(grep -E '^torch(vision)?==' constraints.txt)
	{ grep '^#' constraints.txt; build/constraints/bin/python -m pip freeze --all --exclude-editable --exclude pip \
	  | grep -vE '^(nvidia-|cuda-|triton=)' | LC_ALL=C sort -f; } > build/constraints.txt
	mv build/constraints.txt constraints.txt

clean:  ## remove .venv, build/ and caches (never data/)
	rm -rf $(VENV) build .pytest_cache .ruff_cache *.egg-info
	find mmaml_lite tests benchmarks notebooks -type d '(' -name __pycache__ -o -name .ipynb_checkpoints ')' -prune -exec rm -rf {} + 2>/dev/null || true

# A new .venv, after one line of advice where Python is too old or has no venv.
$(VENV)/.checked:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "mmaml-lite needs Python 3.11 or newer; '$(PYTHON)' is not: name one, e.g. make lab PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	  { echo "this Python has no venv module: install it (Debian, Ubuntu: apt-get install python3-venv) and try again"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

# Install again only when the list of dependencies changed.
INSTALL = $(PY) -m pip install --quiet --constraint constraints.txt $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))
$(VENV)/.installed-notebooks: $(VENV)/.checked pyproject.toml constraints.txt
	@echo "installing the course into $(VENV) (a few minutes the first time)"
	$(INSTALL) --editable '.[notebooks]'
	@touch $@
$(VENV)/.installed-test: $(VENV)/.checked pyproject.toml constraints.txt
	@echo "installing the course and its tests into $(VENV) (a few minutes the first time)"
	$(INSTALL) --editable '.[notebooks,test,bench]'
	@touch $@ $(VENV)/.installed-notebooks
