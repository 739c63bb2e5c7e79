PYTHON ?= python3
VENV ?= .venv
INSTALLED := $(VENV)/.installed

.PHONY: help install reproduce test test-all lint format clean

help:  ## show this help
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

install: $(INSTALLED)  ## create .venv and install the package with its test dependencies

reproduce: $(INSTALLED)  ## run the full pipeline with the defaults: dataset, training, evaluation and export
	$(VENV)/bin/mrs-keras reproduce

test: $(INSTALLED)  ## run the tests
	$(VENV)/bin/python -m pytest

test-all: $(INSTALLED)  ## run all tests, including the slow ones
	$(VENV)/bin/python -m pytest -m "slow or not slow"

lint: $(INSTALLED)  ## check style, format and the direction of imports
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/lint-imports

format: $(INSTALLED)  ## format the code
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

clean:  ## remove the environment and the outputs of runs
	rm -rf $(VENV) runs

# A marker file, not the folder: an interrupted installation starts again.
$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13) and "TensorFlow 2.21 needs Python 3.11 to 3.13: make PYTHON=python3.13")'
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@
