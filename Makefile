# Fenghuo: everything here works on a machine with python3.11 or newer, make and a package registry.
# What a target prepares is told on standard error; standard output is the command's own.

BROKER ?= redis
ARGS ?=
ALL_TESTS := -n 2 --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help env demo up test lint check bench lock clean
.ONESHELL:
.DELETE_ON_ERROR:
.SHELLFLAGS := -euc
unexport PYTHONDONTWRITEBYTECODE # the tests start hundreds of processes: what is compiled is kept

ENV := .venv/.installed
DEV := .venv/.developing
PIP := .venv/bin/python -m pip --disable-pip-version-check

# Debian's package for each thing that may be missing, and how a person installs it.
INSTALL := apt-get install -y --no-install-recommends
TEST_SERVERS := or let FENGHUO_TEST_REDIS (a URL) and FENGHUO_TEST_KAFKA (host:port) name running ones

# Shell functions of the recipes below. `need` notes what is missing, `get` installs it or says how.
define TOOLS
missing=; hint=
need() { missing="$$missing $$1"; }
java_is_new() { [ "$$(java -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p')" -ge 17 ] 2>/dev/null; }
has_chinese_font() { fc-list :lang=zh 2>/dev/null | grep -q . || ls /usr/share/fonts/*/noto/*CJK* >/dev/null 2>&1; }
has_browser() { command -v chromium || command -v chromium-browser || command -v google-chrome; }
need_redis() { command -v redis-server >/dev/null || need redis-server; }
need_kafka() { java_is_new || need openjdk-17-jre-headless; command -v mvn >/dev/null || need maven; }
need_browser() { has_browser >/dev/null || need chromium; has_chinese_font || need fonts-noto-cjk; }
get() {
  [ -n "$$missing" ] || return 0
  if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "make: missing:$$missing. Install them (Debian: sudo $(INSTALL)$$missing)$${hint:+, }$$hint." >&2
    exit 1
  fi
  echo "make: installing$$missing" >&2
  export DEBIAN_FRONTEND=noninteractive
  apt-get -qq update >&2
  apt-cache show openjdk-17-jre-headless >/dev/null 2>&1 ||
    missing=$$(echo "$$missing" | sed s/openjdk-17-jre-headless/default-jre-headless/)
  apt-get -qq install -y --no-install-recommends $$missing >&2
}
endef

help: ## show these targets
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 14

env: $(ENV) ## make .venv/ from requirements.lock; .venv/bin/fenghuo is the command

demo: $(ENV) ## both stories from end to end with made-up people (BROKER=redis|kafka, ARGS="--auto --json")
	@$(TOOLS)
	case "$(BROKER)" in
	  redis) ;;
	  kafka) need_kafka; get ;;
	  *) echo "make: BROKER is redis or kafka, not $(BROKER)" >&2; exit 2 ;;
	esac
	exec .venv/bin/fenghuo demo --broker $(BROKER) $(ARGS)

up: $(ENV) ## the whole system on this machine, until Ctrl-C (ARGS: options of `fenghuo up`)
	@exec .venv/bin/fenghuo up $(ARGS)

test: $(DEV) ## all tests, on real servers and a real browser (ARGS: options of pytest)
	@$(TOOLS)
	[ -n "$${FENGHUO_TEST_REDIS:-}" ] || need_redis
	[ -n "$${FENGHUO_TEST_KAFKA:-}" ] || need_kafka
	hint="$${missing:+$(TEST_SERVERS)}"
	need_browser
	get
	exec .venv/bin/python -m pytest $(or $(ARGS),$(ALL_TESTS))

lint: $(DEV) ## lint, format, types, imports, the compose file
	@PATH="$$PWD/.venv/bin:$$PATH"
	ruff check .
	ruff format --check .
	mypy
	lint-imports --no-logo
	check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml

check: lint ## lint, and the tests that need no server
	@exec .venv/bin/python -m pytest tests/unit tests/quality tests/architecture tests/contract/test_topics.py tests/contract/test_events_golden.py

bench: $(DEV) ## the benchmarks in bench/, each as a ratio to its named baseline (ARGS="bench/x.py": that one)
	@[ -d bench ] || { echo "make: there is no bench/ here" >&2; exit 1; }
	for file in $(or $(ARGS),bench/[!_]*.py); do
	  name=$${file#bench/}
	  .venv/bin/python -m "bench.$${name%.py}"
	done

lock: $(DEV) ## renew requirements*.lock from pyproject.toml (ARGS="--upgrade"); no registry's address ends up in them
	@exec >&2
	compile() {
	  .venv/bin/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe --no-header \
	    --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options $(ARGS) "$$@" pyproject.toml
	}
	compile --extra build --output-file requirements.lock
	compile --extra build --extra dev --constraint requirements.lock --output-file requirements-dev.lock

clean: ## remove .venv/, caches and what was built; data in .fenghuo/ stays
	@rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- what the targets stand on -------------------------------------------------------------------------------

.venv/bin/python:
	@exec >&2
	$(TOOLS)
	for name in python3.11 python3.12 python3.13 python3; do
	  if $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$name; break; fi
	done
	[ -n "$${python:-}" ] || { echo "make: Python 3.11 or newer is needed; python3 here is: $$(python3 --version 2>/dev/null || echo none)"; exit 1; }
	$$python -c 'import ensurepip, venv' 2>/dev/null ||
	  { need "$$($$python -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"; get; }
	echo "make: new .venv/ with $$($$python --version)"
	$$python -m venv .venv

.venv/.locked: requirements.lock | .venv/bin/python
	@exec >&2
	echo "make: installing what requirements.lock names"
	$(PIP) install --quiet --require-hashes -r requirements.lock
	touch $@

$(ENV): pyproject.toml .venv/.locked
	@exec >&2
	$(PIP) install --quiet --no-deps --no-build-isolation -e .
	echo "make: compiling the recogniser, once"
	for command in match cluster; do echo '{"id": "0", "text": "0"}' | .venv/bin/fenghuo $$command >/dev/null; done
	touch $@

$(DEV): requirements-dev.lock $(ENV)
	@exec >&2
	echo "make: installing what requirements-dev.lock names"
	$(PIP) install --quiet --require-hashes -r requirements-dev.lock
	touch $@
