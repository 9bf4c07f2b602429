# Everything runs in .venv, made from uv.lock; uv itself is found or made by tools/uv.sh.
UV := sh tools/uv.sh
RUN := $(UV) run --frozen

# Where tests run: three processes unless told otherwise (make test JOBS=8), since they also wait.
# A module's tests stay in one of them, so that what takes seconds to make is made once; in the order
# of the files, since modules of a few long tests would come last otherwise.
JOBS ?= 3
ARGS ?=

# Tests start many programs: with the variable set, each would compile all its modules anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-heavy check format generate dist clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{printf "%-18s%s\n", $$1, $$2}'

setup: ## make .venv
	@$(UV) sync --frozen --quiet

demo: setup ## a ledger into DuckDB and records into a ledger (STAY=1: sandbox stays, WHOLE=1: all records)
	@$(RUN) python -m tools.demo $(if $(STAY),--stay) $(if $(WHOLE),--whole) $(ARGS)

test: setup ## all tests (ARGS="tests/tap_clearbooks -k name" for some)
	@$(RUN) pytest -n $(JOBS) --dist loadscope --no-loadscope-reorder $(ARGS)

test-heavy: setup ## the tests that make environments of their own
	@$(RUN) pytest -n $(JOBS) -m heavy $(ARGS)

check: setup ## lint, format and types
	$(RUN) ruff check
	$(RUN) ruff format --check
	$(RUN) mypy
	$(RUN) mypy --explicit-package-bases tools examples

format: setup ## put the code into its format
	$(RUN) ruff check --fix
	$(RUN) ruff format

generate: setup ## write again what comes from the contract and the programs' settings
	$(RUN) python -m tools.generate

dist: setup ## wheel, sdist and the images of Airbyte, where docker runs (ARGS for docker build)
	@sh tools/dist.sh $(ARGS)

clean: ## remove what the targets above made
	rm -rf .venv .tools .demo .meltano .pytest_cache .mypy_cache .ruff_cache .hypothesis dist
