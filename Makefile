# Holdfast: what people do with this project. 'make' alone lists it.

.DEFAULT_GOAL := help
.PHONY: help run test prove mutants failover fuzz bench bench-redis bench-size sanitize dbmate dependencies build lint format clean

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Build, start a private PostgreSQL (or take DATABASE_URL), migrate, seed if empty, serve (Ctrl-C stops all of it)
	@scripts/run

test: ## Run all tests on a PostgreSQL of their own
	@scripts/dependencies
	@scripts/test

prove: ## Prove that nothing is booked twice: every order, every cut, and ten minutes of faults (an hour with SOAK=1)
	@scripts/prove

failover: ## Kill the primary under load and promote its standby, ten times (three minutes)
	@scripts/prove failover

mutants: ## Take each defence away and see the proof fail
	@scripts/mutants

fuzz: ## Try whatever openapi.yaml allows and forbids, as each kind of caller (six minutes)
	@scripts/fuzz

bench: ## Measure against the database's own client and against peers (a quarter of an hour)
	@scripts/bench

bench-redis: ## Measure a rush over four instances, with Redis in front and without (five minutes)
	@scripts/bench --redis

bench-size: ## Measure with 10 thousand, 1 million and 10 million slots (most of an hour, 20 GB)
	@scripts/bench --size

sanitize: ## Run the tests under the address and the thread sanitizer (each builds everything anew)
	@scripts/dependencies
	@scripts/sanitize

dbmate: ## Show that dbmate and 'holdfast migrate' may take turns on a database
	@scripts/dbmate

dependencies: ## Install the Debian packages that are missing
	@scripts/dependencies

build: dependencies ## Build the release binary: .build/release/holdfast
	swift build --configuration release --product holdfast

lint: ## Check format and style of sources, scripts, migrations, Dockerfile and YAML
	@scripts/lint

format: ## Format the sources
	swift format --in-place --recursive Package.swift Sources Tests

clean: ## Remove what was built and the private PostgreSQL with its data
	-scripts/postgres remove .holdfast/postgres
	-scripts/postgres remove .holdfast/bench
	rm -rf .build .holdfast
