# What each target does is said by `make help`; how, by the scripts.
export FUZZTIME ?= 2s

.PHONY: help test lint fuzz bench tidy setup

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-6s %s\n", $$1, $$2 }' Makefile

test: setup ## everything that has to pass: lint, tests of every module, each fuzz target for FUZZTIME (2s)
	@scripts/check.sh all

lint: ## gofmt, go vet, staticcheck, govulncheck, go mod tidy
	@scripts/check.sh lint

fuzz: ## each fuzz target for FUZZTIME: make fuzz FUZZTIME=1m
	@scripts/check.sh fuzz

tidy: ## what lint finds and a program can mend: gofmt, go mod tidy in every module, go.work
	@scripts/check.sh tidy

bench: ## authstar beside its peers, as a table (QUICK=1: less exact, in under a minute)
	@cd benchmarks && GOWORK=off go run .

setup: ## installs what the tests need when run as root on Debian, says what is missing otherwise
	@scripts/setup.sh
