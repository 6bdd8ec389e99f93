# Needs Python 3.11 or newer and nothing else. Every path here is relative: the checkout may lie in
# a folder with spaces. `make help` prints the lines marked ##.

PORT ?= 8000
PYTHON ?=
ARGS ?=

VENV = .venv
PY = $(VENV)/bin/python
LOCK = $(PY) -m uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate \
	--python-version 3.11 setup.cfg

.DEFAULT_GOAL := help
.PHONY: help run demo test contract deep test-stripe check lint types imports tests planted format bench sbom advisories contracts migrate strongroom lock reset clean in-place

help: ## Show this list
	@echo "Strongroom: make …"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-11s %s\n", $$1, $$2 }' Makefile

run: $(VENV)/ready-to-run ## Run the whole system here, until Ctrl-C; another port: make run PORT=9000
	@exec $(PY) -m sandbox --port $(PORT)

demo: $(VENV)/ready-to-run ## Drive whole payments through the running system, or through one of its own
	@exec $(PY) -m sandbox.demo --port $(PORT)

test: check ## Check everything, from an empty checkout

check: lint types imports tests ## Check style, types, imports and behaviour

lint: $(VENV)/ready-to-check
	$(PY) -m ruff check
	$(PY) -m ruff format --check
	$(PY) -m sandbox.secrets_scan

types: $(VENV)/ready-to-check
	$(PY) -m mypy

imports: $(VENV)/ready-to-check
	$(VENV)/bin/lint-imports

tests: $(VENV)/ready-to-check ## Run the tests only; some of them: make tests ARGS=tests/ledger
	@$(PY) -m tests.outside_tools
	$(PY) -m pytest -n 3 --dist worksteal $(ARGS)

contract: $(VENV)/ready-to-check ## Call every operation in many more ways than `make test` does
	CONTRACT_EXAMPLES=200 $(PY) -m pytest tests/web/contract $(ARGS)

deep: $(VENV)/ready-to-check ## Go all the way where `make test` goes a part: the contract by random calls, reorganisations, reports
	DEEP=1 $(PY) -m pytest -n 2 tests/payments/providers/evm/contracts tests/payments/watching tests/ledger/reporting tests/payments/lifecycle tests/faults/test_every_order.py $(ARGS)

planted: $(VENV)/ready-to-check ## Test the tests: plant known bugs, and see that each is noticed
	@$(PY) -m tests.planted $(ARGS)

test-stripe: $(VENV)/ready-to-check ## Run the card journeys at Stripe's test mode: STRIPE_SECRET_KEY=sk_test_…
	STRIPE_TEST_MODE=1 $(PY) -m pytest -ra tests/stripe_test_mode $(ARGS)

format: $(VENV)/ready-to-check ## Let ruff put the code in order
	$(PY) -m ruff check --fix
	$(PY) -m ruff format

bench: $(VENV)/ready-to-check ## Measure the ledger; figures and method are in benchmarks/README.md
	$(PY) -m benchmarks $(ARGS)

sbom: $(VENV)/ready-to-check ## Write what runs in production down as sbom.json (CycloneDX)
	$(PY) -m cyclonedx_py requirements requirements.txt --output-reproducible --of JSON -o sbom.json

advisories: $(VENV)/ready-to-check ## Look for known vulnerabilities; offline: make advisories ADVISORIES=all.zip
	@$(PY) -m sandbox.advisories requirements.txt $(if $(ADVISORIES),--database "$(ADVISORIES)")

contracts: $(VENV)/ready-to-check ## Compile the escrow contracts; what comes of it is committed
	$(PY) -m payments.providers.evm.compile_contracts

migrate: $(VENV)/ready-to-run ## Bring the database at DATABASE_URL to the newest revision
	$(PY) -m alembic -c setup.cfg upgrade head

strongroom: $(VENV)/ready-to-run ## Run the command line on the running system: make strongroom ARGS=doctor
	@exec $(PY) -m sandbox --port $(PORT) -- $(VENV)/bin/strongroom $(ARGS)

lock: $(VENV)/ready-to-check ## Pin what setup.cfg asks for; newest versions: make lock ARGS=--upgrade
	$(LOCK) $(ARGS) -o requirements-dev.txt --extra sandbox --extra dev >/dev/null
	$(LOCK) -c requirements-dev.txt -o requirements-sandbox.txt --extra sandbox >/dev/null
	$(LOCK) -c requirements-dev.txt -o requirements.txt >/dev/null

reset: $(VENV)/ready-to-run ## Throw away the sandbox's data (.strongroom)
	@exec $(PY) -m sandbox --reset

clean: ## Throw away what make and the checks made; the sandbox's data stays
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis \
		.import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/ready-to-run: $(VENV)/made-in requirements-sandbox.txt setup.cfg | in-place
	@$(PY) -m sandbox.install requirements-sandbox.txt
	@-$(PY) -m sandbox.install_renderer
	@touch $@

$(VENV)/ready-to-check: $(VENV)/made-in requirements-dev.txt setup.cfg | in-place
	@$(PY) -m sandbox.install requirements-dev.txt
	@-$(PY) -m sandbox.install_renderer
	@touch $@ $(VENV)/ready-to-run

# A virtual environment does not work in another place than the one it was made in.
in-place: $(VENV)/made-in
	@if test "$$(cat $(VENV)/made-in)" != "$$(pwd)"; then \
		echo "$(VENV) was made in $$(cat $(VENV)/made-in) and does not work here: make clean" >&2; \
		exit 1; \
	fi

# One that is there already and works is used; one that somebody else left broken is not touched.
$(VENV)/made-in:
	@if test -e $(VENV)/being-made; then rm -rf $(VENV); fi; \
	if test -e $(VENV); then \
		if ! $(PY) -m pip --version >/dev/null 2>&1; then \
			echo "$(VENV) is there and does not work; to throw it away: make clean" >&2; \
			exit 1; \
		fi; \
		pwd > $@ && exit; \
		exit 1; \
	fi; \
	python=; \
	for name in $(PYTHON) python3.14 python3.13 python3.12 python3.11 python3 python; do \
		if $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			python=$$name; break; \
		fi; \
	done; \
	if test -z "$$python"; then \
		echo "Strongroom needs Python 3.11 or newer; here is $$(python3 --version 2>/dev/null || echo none)." >&2; \
		echo "Install it (https://www.python.org/downloads/) or name it: make run PYTHON=/path/to/python3" >&2; \
		exit 1; \
	fi; \
	echo "Making $(VENV) with $$($$python --version)"; \
	mkdir $(VENV) && touch $(VENV)/being-made || exit 1; \
	if ! $$python -m venv $(VENV); then \
		rm -rf $(VENV); \
		echo "Python could not make a virtual environment." >&2; \
		echo "On Debian and Ubuntu: apt install $$(basename $$python)-venv, then run make again." >&2; \
		exit 1; \
	fi; \
	pwd > $@ && rm $(VENV)/being-made
