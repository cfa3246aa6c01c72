# Every verb does its own set-up. `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTEST_ARGS ?=
# More than cores: many tests wait for servers and for programs in the sandbox.
TEST_PROCESSES ?= 3
BENCH_ARGS ?=
VLLM_ARGS ?=
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: help demo test test-cluster test-compose test-vllm check bench bench-cluster bench-sandbox lock images sandbox-image format clean

help: ## list the verbs
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

demo: ## set up and solve a real problem with the bundled model
	@scripts/setup.sh base
	@scripts/setup_sandbox.sh demo
	@solvent solve examples/demo.md

test: ## set up, start what the tests need and run them all
	@scripts/setup.sh dev
	@scripts/setup_sandbox.sh all
	@scripts/setup_services.sh
	@scripts/setup_deploy.sh
	@python -m pytest -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder --ignore=tests/e2e/cluster $(PYTEST_ARGS)
	@[ -n "$(PYTEST_ARGS)" ] || $(MAKE) --no-print-directory test-cluster

test-cluster: ## set up, start real servers and workers, kill each of them, and print what was lost (nothing)
	@scripts/setup.sh dev
	@scripts/setup_sandbox.sh all
	@scripts/setup_services.sh
	@python -m pytest -m cluster -n 3 --dist worksteal tests/e2e/cluster $(PYTEST_ARGS)

test-compose: ## set up, check the stack's files, build its images, run a batch through it and remove it
	@scripts/setup.sh dev
	@scripts/setup_sandbox.sh all
	@scripts/setup_services.sh
	@scripts/setup_deploy.sh
	@python -m pytest -m "not vllm" tests/integration/deploy tests/integration/test_engine_proxy.py tests/e2e/test_stack.py $(PYTEST_ARGS)

test-vllm: ## install vLLM for the CPU (3 GB), run the model tests against it, measure it (VLLM_ARGS="--only benchmark")
	@scripts/setup.sh dev
	@scripts/setup_vllm.sh
	@python scripts/test_vllm.py $(VLLM_ARGS)

check: ## lint, types, import order of the rooms
	@scripts/setup.sh dev
	ruff format --check .
	ruff check .
	mypy
	lint-imports

bench: ## measure what a user waits for
	@scripts/setup.sh dev
	@scripts/setup_sandbox.sh demo
	@python -m solvent.benchmarks.startup

bench-sandbox: ## measure the sandbox against bare processes, containers and others (BENCH_ARGS="--quick --json FILE")
	@scripts/setup.sh dev
	@scripts/setup_sandbox.sh all
	@python -m solvent.benchmarks.sandbox $(BENCH_ARGS)

bench-cluster: ## measure what the service costs and how fast it answers (BENCH_ARGS="--quick --json FILE --only NAME")
	@scripts/setup.sh dev
	@scripts/setup_sandbox.sh demo
	@scripts/setup_services.sh
	@python -m solvent.benchmarks.cluster $(BENCH_ARGS)

format: ## format and sort imports
	@scripts/setup.sh dev
	ruff format .
	ruff check --fix .

lock: ## write the lock files anew from pyproject.toml
	@scripts/setup.sh dev
	@scripts/lock.sh

images: ## build the images of docker-compose.yml and the sandbox's, and make its secrets (docs/deploy.md)
	@scripts/setup.sh base
	@scripts/images.sh
	@scripts/sandbox_image.sh
	@scripts/stack_secrets.sh

sandbox-image: ## build the sandbox's Docker image
	@scripts/setup.sh base
	@scripts/sandbox_image.sh

clean: ## remove the virtual environment and caches
	rm -rf .venv .venv-vllm .tools .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist src/*.egg-info
