# Two commands do all the set-up: `make demo` shows the kit at work, `make test` runs what CI runs.
PYTHON ?= python3
BIN := .venv/bin
SUBMISSIONS := tests/submissions

.PHONY: demo test check course bench clean

demo: .venv/installed
	$(BIN)/cvaekit grade --jobs 2 $(SUBMISSIONS)/right.py assignments/conditional_vae/cvae_starter.py \
		$(SUBMISSIONS)/noise_too_wide.py $(SUBMISSIONS)/mean_reconstruction.py $(SUBMISSIONS)/stacked_rows.py \
		$(SUBMISSIONS)/never_returns.py
	$(BIN)/cvaekit grade $(SUBMISSIONS)/all_digits.py
	$(BIN)/cvaekit grade $(SUBMISSIONS)/radius_for_width.py

test: check
	$(BIN)/python -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder -m 'not course'
	$(BIN)/cvaekit audit

check: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/cvaekit build --check

# More of nbgrader, for minutes: its own execution of notebooks, the exchange and, where Chromium is installed, the pages.
course: .venv/installed
	$(BIN)/python -m pytest -m course

bench: .venv/installed
	$(BIN)/python tests/benchmarks

.venv/installed: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

clean:
	rm -rf .venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
