# Everything a contributor types. A virtual environment is made in .venv on first use; stamp files in it remember what is
# installed, so that a second call starts at once and a changed pyproject.toml or constraints.txt installs again.

PYTHON ?= python3
BIN := .venv/bin
CORE := .venv/.core-installed
DEV := .venv/.dev-installed
TORCH = $(shell sed -n 's/^torch==//p' constraints.txt)
PIP_INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test test-inspect test-lmms-eval test-openenv test-ray test-slurm test-verifiers test-lowest \
	test-quantization fuzz attack lint check docs format reference screenshots install constraints

demo: $(CORE)  ## Raw drawings in, benchmark built, scripted models scored, a picture and a table out; no torch
	$(BIN)/proactivebench demo --out demo

test: $(DEV)  ## The whole test suite
	$(BIN)/python -m pytest -n 3 --dist worksteal

fuzz: $(DEV)  ## Every property test with 20,000 new examples in place of the same 100; some hours
	HYPOTHESIS_PROFILE=thorough $(BIN)/python -m pytest -m hypothesis --hypothesis-show-statistics

attack: $(DEV)  ## Everything that was ever tried against the toolkit, again: the table of SECURITY.md; some hours
	$(BIN)/python -m tests.attack

lint: $(DEV)  ## Formatting, lint, strict types
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy

check: lint test  ## What must pass before a commit

format: $(DEV)  ## Format, and repair what the linter can repair
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

docs: $(DEV)  ## The documentation site with its gallery, in build/site/html
	$(PIP_INSTALL) --quiet --editable '.[docs]'
	$(BIN)/python docs/build_site.py

screenshots: $(DEV)  ## The pictures of pages in docs anew; needs Chromium, a few minutes
	$(BIN)/python docs/screenshots.py

reference: $(DEV)  ## docs/cli.md anew, from --help
	$(BIN)/python docs/reference.py

install: $(DEV)  ## Everything for development into .venv, and nothing more

$(CORE): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or newer is needed, and '$(PYTHON)' is not that. Name one: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	test -x $(BIN)/pip || $(PYTHON) -m venv .venv
	@echo "Installing the core into .venv (half a minute the first time) ..."
	$(PIP_INSTALL) --quiet --editable '.[report]'
	@touch $@

# torch goes first and alone: pip then takes the CPU build where one is offered, and what follows keeps it.
$(DEV): $(CORE)
	@echo "Installing torch and the development tools into .venv (some minutes the first time) ..."
	$(PIP_INSTALL) torch
	$(PIP_INSTALL) --editable '.[dev]'
	@touch $@

# Each of these libraries has an environment of its own: beside the development tools, or each other, they do not install.
test-inspect: PACKAGES := --editable '.[inspect]'
test-inspect: TESTS := tests/models/test_inspect_model.py tests/harnesses/test_inspect_task.py
test-inspect:  ## inspect: models, and the task of inspect_ai
	$(OWN_ENVIRONMENT)

test-openenv: PACKAGES := --editable . 'openenv>=0.10'
test-openenv: TESTS := tests/harnesses/test_openenv.py
test-openenv:  ## The server and the client of OpenEnv
	$(OWN_ENVIRONMENT)

test-verifiers: PACKAGES := --editable . 'verifiers>=0.4'
test-verifiers: TESTS := tests/harnesses/test_verifiers.py
test-verifiers:  ## The environment for verifiers, with a local server as the model
	$(OWN_ENVIRONMENT)

test-lmms-eval: PACKAGES := --editable . torch torchvision 'lmms-eval==0.7.3'
test-lmms-eval: TESTS := tests/harnesses/test_lmms_eval.py
test-lmms-eval:  ## The tasks for lmms-eval
	$(OWN_ENVIRONMENT)

test-ray: PACKAGES := --editable '.[cluster]' ray
test-ray: TESTS := tests/cluster/test_ray.py
test-ray:  ## A plan on two nodes of Ray on this machine, of which one is lost
	$(OWN_ENVIRONMENT)

define OWN_ENVIRONMENT
rm -rf build/$@ && $(PYTHON) -m venv build/$@
build/$@/bin/pip install --quiet uv
build/$@/bin/uv pip install --python build/$@/bin/python $(PACKAGES) pytest hypothesis hatchling uv
build/$@/bin/python -m pytest $(TESTS)
endef

test-slurm: $(DEV)  ## A plan on a Slurm of Debian's packages on this machine: apt-get install slurmctld slurmd munge
	TEST_SLURM=1 $(BIN)/python -m pytest -rs tests/cluster/test_slurm.py

test-quantization:  ## The tests of --quantization, for which bitsandbytes is installed beside the development tools
	rm -rf build/quantization && $(BIN)/python -m pip install --quiet --no-deps --target build/quantization bitsandbytes
	PYTHONPATH=build/quantization $(BIN)/python -m pytest tests/models/test_load_options.py

# torch is the exception: of it, only the version in constraints.txt is tested.
test-lowest:  ## The test suite with the lowest versions of our requirements that pyproject.toml allows
	rm -rf build/lowest && $(PYTHON) -m venv build/lowest
	build/lowest/bin/pip install --quiet uv torch==$(TORCH)
	echo torch==$(TORCH) > build/lowest/torch.txt
	build/lowest/bin/uv pip install --python build/lowest/bin/python --resolution lowest-direct \
	    --constraint build/lowest/torch.txt --editable '.[dev]'
	build/lowest/bin/python -m pytest -n 3 --dist worksteal

constraints:  ## Resolve every extra afresh, in an empty environment, and pin what was installed (TORCH=... moves torch)
	rm -rf build/constraints && $(PYTHON) -m venv build/constraints
	build/constraints/bin/pip install --quiet torch==$(TORCH)
	build/constraints/bin/pip install --quiet --editable '.[dev,docs]'
	build/constraints/bin/pip check
	{ echo '# Versions that development and CI install, resolved together. Made by: make constraints'; \
	  build/constraints/bin/pip freeze --exclude-editable | sed 's/+cpu$$//'; } > build/constraints.txt
	mv build/constraints.txt constraints.txt
