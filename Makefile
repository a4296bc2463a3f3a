# Two commands do all the set-up:  make reproduce   and   make test.
# Both create .venv on first use and install the versions pinned in constraints.txt; a second call installs nothing.

PYTHON ?= $(shell for p in python3.12 python3.13 python3.11 python3 python; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' >/dev/null 2>&1 && echo $$p && break; done)
BIN := .venv/bin
READY := .venv/.installed
OUT ?= report
PROFILE ?= quick
WORKERS ?= 2

.PHONY: reproduce test test-slow lint bench clean help

help:
	@echo "make reproduce   run every claim and study; writes $(OUT)/report.html"
	@echo "make test        run the tests (about 5 minutes on 2 cores)"
	@echo "make test-slow   run the long tests: benchmarks, killed runs, larger problems"
	@echo "make lint        ruff and mypy"
	@echo "make bench       speed against named peers"

reproduce: $(READY)
	$(BIN)/forgetproof reproduce --profile $(PROFILE) --out $(OUT)

test: $(READY)
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

test-slow: $(READY)
	$(BIN)/python -m pytest -m slow -n $(WORKERS) --dist loadfile

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(READY)
	$(BIN)/forgetproof bench

$(READY): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "make: Python 3.11, 3.12 or 3.13 is needed; set PYTHON=/path/to/python" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test,lint]'
	@touch $(READY)

clean:
	rm -rf .venv report .pytest_cache .mypy_cache .ruff_cache .hypothesis build *.egg-info
