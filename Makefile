# SPDX-License-Identifier: Apache-2.0
# The commands of this project; `make help` lists them. CMake does the building (CMakePresets.json).
.NOTPARALLEL:
.DEFAULT_GOAL := help
SHELL := /bin/bash

FANTAIL := build/release/fantail
TIME ?= 60
MINUTES ?= 30
# Programs that test the finished broker from outside, each a folder's `run`.
SUITES = $(or $(wildcard tests/interop/run),$(sort $(wildcard tests/interop/*/run))) $(wildcard tests/recovery/run tests/faults/run)

.PHONY: help
help: ## show this list
	@echo 'Fantail: make TARGET'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-11s %s\n", $$1, $$2 }' Makefile

.PHONY: setup
setup: ## install missing Debian packages (S="test check bench" for more than the product needs)
	@tools/setup $(S)

build/%/build.ninja: CMakePresets.json
	cmake --preset $*

.PHONY: build
build: setup ## build build/release/fantail
	@$(MAKE) -s --no-print-directory build/release/build.ninja
	cmake --build --preset release --target fantail

.PHONY: run
run: build ## build, then run the broker in the foreground (ARGS="--listen amqp=127.0.0.1:0")
	@exec $(FANTAIL) serve $(ARGS)

.PHONY: test
test: ## build, then run every test: unit, tools, real clients, recovery, faults
	@tools/setup test
	@$(MAKE) -s --no-print-directory build/release/build.ninja
	cmake --build --preset release
	ctest --preset release -j $$(nproc)
	@$(MAKE) --no-print-directory test-tools test-suites

.PHONY: test-tools
test-tools:
	python3 -m unittest discover -q -s tools/tests -t tools

.PHONY: test-suites
test-suites:
	@set -e; for suite in $(SUITES); do echo "== $$suite"; FANTAIL=$(CURDIR)/$(FANTAIL) $$suite; done

.PHONY: sim
sim: ## simulate the whole broker from SEED (1), RUNS (1000) seeds one after the other (tests/sim/README.md)
	@tools/setup test
	@$(MAKE) -s --no-print-directory build/release/build.ninja
	cmake --build --preset release --target fantail-sim
	build/release/tests/sim/fantail-sim --seed $(or $(SEED),1) --runs $(or $(RUNS),1000) $(ARGS)

.PHONY: sim-mutants
sim-mutants: ## see that the simulator catches each deliberate bug of tests/sim/mutants.toml
	@tools/setup test
	tests/sim/mutants $(ARGS)

.PHONY: check
check: ## style, layers, format, tests under sanitizers, each fuzzer for 20 s
	@tools/setup check
	tools/tidy
	tools/layers
	tools/format --check
	@$(MAKE) --no-print-directory test-tools
	tools/sanitized-tests fuzz
	tools/sanitized-tests tsan
	tools/fuzz 20

.PHONY: lint
lint: ## clang-tidy over the sources (slow; D=src/broker for one folder)
	@tools/setup check
	tools/lint $(D)

.PHONY: bench
bench: ## measure against RabbitMQ in one run, into bench/results/ (ARGS are passed on)
	@tools/setup bench
	@$(MAKE) -s --no-print-directory build/release/build.ninja
	cmake --build --preset release
	bench/run $(ARGS)

.PHONY: soak
soak: build ## mixed load with restarts for MINUTES (30); memory and descriptors must be flat; into build/soak/ (ARGS are passed on)
	@tools/setup test
	tests/faults/soak --minutes $(MINUTES) --binary $(FANTAIL) $(ARGS)

.PHONY: bench-quick
bench-quick: ## compare instruction counts of hot paths with the kept ones (ARGS=--update keeps new ones)
	@tools/setup bench
	@$(MAKE) -s --no-print-directory build/release/build.ninja
	cmake --build --preset release
	bench/quick $(ARGS)

.PHONY: fuzz
fuzz: ## run fuzzer T (all without T) for TIME seconds each (60)
	@tools/setup check
	tools/fuzz $(TIME) $(T)

.PHONY: fmt
fmt: ## format the C++ sources
	@tools/setup check
	tools/format

.PHONY: clean
clean: ## remove build/ (never data/)
	rm -rf build
