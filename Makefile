# make demo    see it work on real data: own environment, install, quick benchmark, report
# make test    own environment, install, the whole test suite
# make docs    the book: own environment, install, docs/_build/html/index.html
# make lint    style and types
# make build   source distribution, and the wheel made from it
# make dev     environment for developers, with the kernels built in place
# make clean   remove everything these made
#
# Another Python: make PYTHON=python3.12 test
# Another build of torch for the tests (for the CPU; without one those that need it are left out):
#                 make TORCH="torch --index-url ADDRESS" test

PYTHON ?= python3
TORCH ?= torch==2.13.0
DEMO := .venv-demo
TEST := .venv-test
DEV := .venv-dev
DOCS := .venv-docs
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
PIP := bin/python -m pip install --quiet --disable-pip-version-check
SOURCES := setup.py pyproject.toml MANIFEST.in README.md LICENSE $(shell find sparseopt -type f \
  \( -name '*.py' -o -name '*.pyi' -o -name '*.pyx' -o -name '*.pxd' -o -name '*.h' \))

.PHONY: demo test docs lint build dev clean check-tools
.DELETE_ON_ERROR:
.SUFFIXES:

demo: $(DEMO)/installed
	$(DEMO)/bin/sparseopt bench --quick --out report
	@echo "The report: $(CURDIR)/report/index.html"

# The tests, and the processes they start, run on the installed package: the source tree cannot stand in for it.
# There is a process for each core, so that each gets one thread, but for tests that ask for more.
test: $(TEST)/installed
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 PYTHONSAFEPATH=1 $(TEST)/bin/python -m pytest -q -p no:cacheprovider -n auto tests $(TEST)/lib/python$(VERSION)/site-packages/sparseopt

docs: $(DOCS)/installed
	PYTHONSAFEPATH=1 $(DOCS)/bin/sphinx-build -W -n -q --keep-going -b html docs docs/_build/html
	@echo "The book: $(CURDIR)/docs/_build/html/index.html"

lint: $(DEV)/installed
	$(DEV)/bin/ruff check .
	PATH="$(CURDIR)/$(DEV)/bin:$$PATH" cython-lint sparseopt
	$(DEV)/bin/mypy

build: $(DEV)/installed
	rm -rf dist
	$(DEV)/bin/python -m build --outdir dist .

dev: $(DEV)/installed
	$(DEV)/bin/python setup.py --quiet build_ext --inplace
	@echo "Now: $(DEV)/bin/python -m pytest tests"
	@echo "After a change of a kernel: make dev"

clean:
	rm -rf $(DEMO) $(TEST) $(DEV) $(DOCS) docs/_build docs/api docs/gallery build dist report *.egg-info
	rm -rf .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find sparseopt -name '*.so' -delete
	find sparseopt tests benchmarks -name __pycache__ -type d -exec rm -rf {} +

check-tools:
	@test -n "$(VERSION)" || \
	  { echo "there is no '$(PYTHON)': name a Python, as in  make PYTHON=python3.12 test"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "sparseopt needs Python 3.11 or newer, but '$(PYTHON)' is $(VERSION):" \
	    "name another, as in  make PYTHON=python3.12 test"; exit 1; }
	@for compiler in $${CC:-cc} gcc clang; do \
	  command -v $${compiler%% *} >/dev/null 2>&1 && exit 0; done; \
	  echo "sparseopt needs a C compiler (gcc or clang) to build its kernels"; exit 1
	@$(PYTHON) -c 'import os, sys, sysconfig; \
	  sys.exit(not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))' || \
	  { echo "'$(PYTHON)' lacks its C headers (Debian, Ubuntu: package python3-dev)"; exit 1; }

# An environment is made anew when PYTHON is another version than last time. Some systems ship venv
# without ensurepip; the pip that comes with Python then does its work.
$(DEMO)/python-$(VERSION) $(TEST)/python-$(VERSION) $(DEV)/python-$(VERSION) $(DOCS)/python-$(VERSION): | check-tools
	$(PYTHON) -m venv --clear $(@D) >/dev/null || { $(PYTHON) -m venv --clear --without-pip $(@D) && \
	  $(PYTHON) -m pip --python $(@D)/bin/python install --quiet pip; }
	touch $@

$(DEMO)/installed: $(DEMO)/python-$(VERSION) $(SOURCES) | check-tools
	@echo "installing sparseopt and what the benchmark needs into $(@D), a minute or two"
	$(@D)/$(PIP) ".[bench]"
	touch $@

$(TEST)/installed: $(TEST)/python-$(VERSION) $(SOURCES) | check-tools
	@echo "installing sparseopt and what its tests need into $(@D), a minute or two"
	$(@D)/bin/python build_tools/install_cpu_torch.py $(TORCH)
	$(@D)/$(PIP) ".[test,bench]"
	touch $@

$(DOCS)/installed: $(DOCS)/python-$(VERSION) $(SOURCES) | check-tools
	@echo "installing sparseopt and what its pages need into $(@D), a minute or two"
	$(@D)/$(PIP) ".[docs,mpi]"
	touch $@

# In place, so that a change of Python code needs no installation.
$(DEV)/installed: $(DEV)/python-$(VERSION) setup.py pyproject.toml | check-tools
	@echo "installing what development needs into $(@D), a minute or two"
	$(@D)/bin/python build_tools/install_cpu_torch.py $(TORCH)
	$(@D)/$(PIP) build "setuptools>=77" "Cython>=3.1" "numpy>=2.0" "scipy>=1.13"
	$(@D)/$(PIP) --no-build-isolation --editable ".[test,bench,lint]"
	touch $@
