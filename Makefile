# Every task a contributor needs; `make` lists them.
PYTHON := .venv/bin/python

.PHONY: help setup test vscode lint format bench faults audit demo serve clean
.DEFAULT_GOAL := help

help: ## list the tasks
	@grep -E '^[a-z]+:.*##' Makefile | sed 's/:.*## /\t/' | expand -t 10

setup: ## a virtual environment with everything
	python3 -m venv .venv && .venv/bin/pip install -q -e '.[linters,dev]'

test: ## all tests: behaviour, types, lint, layers
	$(PYTHON) -m pytest -n auto

vscode: ## the extension in VS Code itself, in a browser; takes minutes
	$(PYTHON) -m pytest tests/editors/vscode

lint: ## lint, format check, types and import layers only
	$(PYTHON) -m pytest tests/test_project.py

format: ## format and fix what can be fixed
	.venv/bin/ruff check --fix . ; .venv/bin/ruff format .

bench: ## speed and memory, as ratios against others; takes an hour
	$(PYTHON) tests/bench/startup.py
	$(PYTHON) tests/bench/code_actions.py
	$(PYTHON) tests/bench/keystroke.py
	$(PYTHON) tests/bench/project.py
	$(PYTHON) tests/bench/agent.py
	$(PYTHON) tests/bench/large.py
	$(PYTHON) tests/bench/peers.py
	$(PYTHON) tests/bench/tree.py
	$(PYTHON) tests/bench/soak.py

faults: ## whatever may go wrong, at length, and not in short as in the tests; takes hours
	$(PYTHON) tests/faults/protocol.py
	$(PYTHON) tests/faults/process.py
	$(PYTHON) tests/faults/hostile.py
	$(PYTHON) tests/faults/patterns.py
	$(PYTHON) tests/faults/fuzz.py
	$(PYTHON) tests/bench/chaos.py

audit: ## known weaknesses of what this depends on; needs the network
	.venv/bin/pip install -q pip-audit && .venv/bin/pip-audit --skip-editable
	cd editors/vscode && npm audit

demo: ## review the example project
	.venv/bin/backend-developer review tests/examples/shop --fail-on never

serve: ## the language server on stdin and stdout
	.venv/bin/backend-developer serve

clean: ## remove what the tasks made
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
