# Two commands do all the set-up: `make demo` shows the kit at work, `make test` runs what CI runs.
PYTHON ?= python3
BIN := .venv/bin
SUBMISSIONS := tests/submissions
# Begun first, or one process is busy with them when the others have nothing left to do.
LONG_TESTS := tests/notebook tests/thickness tests/test_wheel.py
# Folders whose modules import their neighbours by bare name, as pytest lets them; mypy is told one folder at a time.
# Starters are left out: until a student fills a gap, `...` stands there in place of a number or a tensor.
TYPED_APART := tests tests/author tests/benchmarks tests/explore tests/notebook tests/sandbox tests/thickness \
	$(patsubst %/,%,$(sort $(dir $(wildcard assignments/*/test_*.py))))

.PHONY: demo test check types types-of-product types-of-tests coverage course bench clean

demo: .venv/installed
	$(BIN)/cvaekit grade --jobs 2 $(SUBMISSIONS)/right.py assignments/conditional_vae/cvae_starter.py \
		$(SUBMISSIONS)/noise_too_wide.py $(SUBMISSIONS)/mean_reconstruction.py $(SUBMISSIONS)/stacked_rows.py \
		$(SUBMISSIONS)/never_returns.py
	$(BIN)/cvaekit grade $(SUBMISSIONS)/all_digits.py
	$(BIN)/cvaekit grade $(SUBMISSIONS)/radius_for_width.py

test: check
	$(BIN)/python -m pytest $(LONG_TESTS) tests --numprocesses 3 --dist loadfile --no-loadscope-reorder -m 'not course'
	$(BIN)/cvaekit audit

# The same tests, traced, which takes a tenth more.
coverage: .venv/installed
	$(BIN)/python -m pytest $(LONG_TESTS) tests --numprocesses 3 --dist loadfile --no-loadscope-reorder -m 'not course' \
		--cov cvaekit --cov graders --cov-report term:skip-covered

check: types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/cvaekit build --check

types: .venv/installed
	@$(MAKE) --no-print-directory --jobs 2 types-of-product types-of-tests

types-of-product:
	$(BIN)/mypy

types-of-tests:
	$(BIN)/mypy --config-file tests/mypy.ini graders/*/test_*.py
	@for folder in $(TYPED_APART); do echo "mypy $$folder"; \
		MYPYPATH=tests:tests/notebook:tests/explore:$$folder $(BIN)/mypy --config-file tests/mypy.ini $$(ls $$folder/*.py | grep -v _starter.py) || exit 1; done

# More of nbgrader, for minutes: its own execution of notebooks, the exchange and, where Chromium is installed, the pages.
course: .venv/installed
	$(BIN)/python -m pytest -m course

bench: .venv/installed
	$(BIN)/python tests/benchmarks

.venv/installed: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --no-compile --editable '.[dev]'  # compiled when imported: most never are
	touch $@

clean:
	rm -rf .venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
