# The two commands of the README are `make run` and `make test`; everything else serves them.
PORT ?= 8000
DATA ?= ./data
PYTHON ?= python3
BIN := .venv/bin

.PHONY: run install test check bench bench-large chaos soak generate format clean

run: install
	$(BIN)/tallystick serve --port "$(PORT)" --data "$(DATA)"

# The stamp changes with the settings and the lock, so that a second run starts at once.
install: .venv/.installed

.venv/.installed: pyproject.toml uv.lock
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || \
	  { rm -rf .venv; echo "python3 cannot make virtual environments here; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv sync --quiet --frozen --all-extras
	@touch $@

# What starts processes of ours, or kills them, has both cores to itself.
test: install
	$(BIN)/pytest -m "not long" --numprocesses 2 --dist loadfile tests/unit tests/db tests/contract tests/gateways
	$(BIN)/pytest -m "not long" tests/e2e tests/chaos

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/tallystick routes --check ENDPOINTS.md
	$(BIN)/python -m tests.contract.conformance --check CONTRACTS.md

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

generate: install
	$(BIN)/tallystick routes --write ENDPOINTS.md
	$(BIN)/python -m tests.contract.conformance --write CONTRACTS.md

bench: install
	$(BIN)/python -m bench

bench-large: install
	$(BIN)/python -m bench --large

# The long forms of what `make test` runs briefly.
chaos: install
	$(BIN)/pytest -m long tests/chaos

soak: install
	$(BIN)/pytest -m long tests/unit tests/db tests/contract tests/gateways

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis tests/doubles/peer/node_modules
