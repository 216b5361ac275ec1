# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
# Python starts faster from compiled modules: write them even where the environment says not to.
unexport PYTHONDONTWRITEBYTECODE
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: demo test lint bench clean slow

demo: $(STAMP)
	$(BIN)/galen retrain recipes/medqa-sample.yaml

test: $(STAMP)
	$(BIN)/pytest -m "not slow and not gpu"

slow: $(STAMP)
	$(BIN)/pytest -m "slow"

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(STAMP)
	$(BIN)/python -m bench

clean:
	rm -rf .venv var data/built .dvc/tmp .mypy_cache .ruff_cache .pytest_cache build *.egg-info

# torch comes first and alone: on a machine without CUDA a range would pull gigabytes of CUDA packages.
# uv installs the rest from the lock in seconds; where it finds no index of its own (a mirror set up for pip), pip does.
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Galen needs Python 3.11 or newer: make PYTHON=python3.11"; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet torch==2.13.0
	$(BIN)/python -m pip install --quiet uv==0.13.8
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -r requirements.lock || $(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: lock
lock:
	$(BIN)/uv pip compile pyproject.toml --extra dev --extra bench --universal --generate-hashes --python-version 3.11 \
	  --quiet --no-annotate --no-header --output-file .lock.full
	$(BIN)/python -c "import re, pathlib as p; full = p.Path('.lock.full'); \
	  kept = [b for b in re.split(r'\n(?=[a-zA-Z0-9])', full.read_text()) if not re.match(r'(nvidia-|cuda-|triton|torch==)', b)]; \
	  p.Path('requirements.lock').write_text('\n'.join(kept).rstrip() + '\n'); full.unlink()"
