# make serve   the studio on http://127.0.0.1:8000; make serve PORT=9000 elsewhere
# make test    every test: node --test, then pytest with the page in a real Chromium
# make check   format, lint and types
# make lock    write requirements.lock anew from the ranges in pyproject.toml
#
# Each sets up .venv by itself; a second run finds its stamps and starts at once.

# Empty leaves both to the server's own settings, which the environment may set.
HOST :=
PORT :=
# Where torch comes from; empty is pip's own index. PyTorch's CPU build, far smaller on Linux:
#   make serve TORCH_INDEX=https://download.pytorch.org/whl/cpu
TORCH_INDEX ?=
TORCH := 2.13.0

VENV := .venv
PYTHON := $(VENV)/bin/python
PIP := $(PYTHON) -m pip --disable-pip-version-check
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
# Playwright brings a Node.js of its own, which the lock pins; NODE=node takes the system's.
NODE = $(shell $(PYTHON) -c 'from playwright._impl._driver import compute_driver_executable as f; print(f()[0])')

.DEFAULT_GOAL := serve
.DELETE_ON_ERROR:
.PHONY: serve test check lock chromium

serve: $(VENV)/.locked
	$(PYTHON) -m server $(if $(HOST),--host $(HOST)) $(if $(PORT),--port $(PORT))

test: $(VENV)/.locked chromium
	$(NODE) --test $(wildcard tests/js/*.test.mjs tests/js/*/*.test.mjs)
	$(PYTHON) -m pytest

check: $(VENV)/.locked
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy

# A .venv that is there already is kept if its Python is new enough and has pip.
$(VENV)/.python:
	@if $(PYTHON) -c 'import pip; $(NEW_ENOUGH)' 2>/dev/null; then touch $@; exit; fi; \
	for python in python3.11 python3 python3.12 python3.13 python3.14; do \
	  if $$python -c '$(NEW_ENOUGH)' 2>/dev/null; then \
	    echo "Making $(VENV) with $$($$python --version)"; \
	    $$python -m venv --clear $(VENV) && touch $@; exit; \
	  fi; \
	done; \
	echo "GroupDNet Studio needs Python 3.11 or newer; neither python3.11 nor python3 is one here." >&2; exit 1

$(VENV)/.torch-$(TORCH): | $(VENV)/.python
	$(PIP) install --quiet torch==$(TORCH) $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX))
	@touch $@

$(VENV)/.locked: requirements.lock $(VENV)/.torch-$(TORCH)
	$(PIP) install --quiet -r requirements.lock
	@touch $@

# The system's Chromium, or Debian's package, or else Playwright's own download.
chromium: $(VENV)/.locked
	@if command -v chromium || command -v chromium-browser; then exit; fi >/dev/null; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -q && apt-get install -qy --no-install-recommends chromium fonts-liberation; \
	else \
	  $(PYTHON) -m playwright install chromium; \
	fi

# torch and what only its CUDA build needs stay out: the machine decides which torch it has.
lock: $(VENV)/.python
	rm -rf $(VENV)-lock && $(PYTHON) -m venv $(VENV)-lock
	$(VENV)-lock/bin/python -m pip install --quiet torch==$(TORCH) $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX))
	$(VENV)-lock/bin/python -m pip install --quiet '.[dev]'
	$(VENV)-lock/bin/python -m pip check
	{ echo "# Written by make lock; torch==$(TORCH) is installed before it."; \
	  $(VENV)-lock/bin/python -m pip freeze --all --exclude pip --exclude torch --exclude groupdnet-studio \
	  | grep -Ev '^(triton|nvidia|cuda)[-_]?'; } > requirements.lock
	rm -rf $(VENV)-lock
