# make demo    see it work on real data: own environment, install, quick benchmark, report
# make test    own environment, install, the whole test suite
# make lint    style and types
# make build   source distribution, and the wheel made from it
# make dev     environment for developers, with the kernels built in place
# make clean   remove everything these made

PYTHON ?= python3
DEMO := .venv-demo
TEST := .venv-test
DEV := .venv-dev
SOURCES := $(shell find sparseopt benchmarks -name '*.py' -o -name '*.pyx' -o -name '*.pxd' -o -name '*.h' 2>/dev/null) \
           setup.py pyproject.toml MANIFEST.in README.md

.PHONY: demo test lint build dev clean check-tools
.DELETE_ON_ERROR:

check-tools:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "sparseopt needs Python 3.11 or newer; say which one: make PYTHON=python3.12 ..."; exit 1; }
	@command -v $${CC:-cc} >/dev/null 2>&1 || command -v gcc >/dev/null 2>&1 || command -v clang >/dev/null 2>&1 || \
	  { echo "sparseopt needs a C compiler (gcc or clang) to build its kernels"; exit 1; }

$(DEMO)/installed: $(SOURCES) | check-tools
	test -x $(DEMO)/bin/python || $(PYTHON) -m venv $(DEMO)
	$(DEMO)/bin/python -m pip install --quiet --disable-pip-version-check ".[bench]"
	touch $@

demo: $(DEMO)/installed
	$(DEMO)/bin/sparseopt bench --quick --out report
	@echo "The report: $(CURDIR)/report/index.html"

# The tests run on the installed package, from a folder where the source tree cannot shadow it.
$(TEST)/installed: $(SOURCES) | check-tools
	test -x $(TEST)/bin/python || $(PYTHON) -m venv $(TEST)
	$(TEST)/bin/python -m pip install --quiet --disable-pip-version-check ".[test,bench]"
	touch $@

test: $(TEST)/installed
	$(TEST)/bin/python -P -m pytest -q --import-mode=importlib -p no:cacheprovider tests
	$(TEST)/bin/python -P -m pytest -q --import-mode=importlib -p no:cacheprovider --pyargs sparseopt

lint: | check-tools
	test -x $(DEV)/bin/python || $(PYTHON) -m venv $(DEV)
	$(DEV)/bin/python -m pip install --quiet --disable-pip-version-check ".[lint]"
	$(DEV)/bin/ruff check .
	cd $(DEV) && PATH=$$PWD/bin:$$PATH bin/cython-lint --max-line-length 120 ../sparseopt/_ext
	$(DEV)/bin/mypy

build: | check-tools
	test -x $(DEV)/bin/python || $(PYTHON) -m venv $(DEV)
	$(DEV)/bin/python -m pip install --quiet --disable-pip-version-check build
	rm -rf dist
	$(DEV)/bin/python -m build --outdir dist .

dev: | check-tools
	test -x $(DEV)/bin/python || $(PYTHON) -m venv $(DEV)
	$(DEV)/bin/python -m pip install --quiet --disable-pip-version-check setuptools Cython ".[test,bench,lint]"
	$(DEV)/bin/python -m pip uninstall --quiet --yes sparseopt
	$(DEV)/bin/python setup.py --quiet build_ext --inplace
	@echo "Now: $(DEV)/bin/python -m pytest tests   (after a change of a kernel: $(DEV)/bin/python setup.py build_ext --inplace)"

clean:
	rm -rf $(DEMO) $(TEST) $(DEV) build dist report *.egg-info .hypothesis .mypy_cache .ruff_cache
	find sparseopt -name '*.so' -delete
