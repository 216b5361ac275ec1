# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
# Python starts faster from compiled modules: write them even where the environment says not to.
unexport PYTHONDONTWRITEBYTECODE
BIN := .venv/bin
TESTERS ?= 2
STAMP := .venv/.installed
RAY := .venv/.ray

.PHONY: demo test lint docs hooks bench clean slow matrix ray

demo: $(STAMP)
	$(BIN)/galen retrain recipes/medqa-sample.yaml

# In two processes, each with whole files: a test waits for its own children most of the time.
test: $(RAY)
	$(BIN)/pytest -n $(TESTERS) --dist loadfile -m "not slow and not gpu"

slow: $(RAY)
	$(BIN)/pytest -m "slow"

# Every method on every task and architecture: a quarter of an hour on one core.
matrix: $(STAMP)
	$(BIN)/pytest tests/training/test_methods.py --matrix docs/results/matrix.md

ray: $(RAY)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/deptry .

# The references and the drawing of the architecture, from the code; `make test` fails where they are out of date.
docs: $(STAMP)
	$(BIN)/pytest tests/contracts/test_docs.py --update-docs

# Run what `make lint` runs on every commit.
hooks: $(STAMP)
	$(BIN)/pre-commit install

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

# What `galen compare --ray` needs, for a cluster: not installed by `make demo`.
$(RAY): $(STAMP) requirements-ray.lock
	$(BIN)/uv pip install --quiet --compile-bytecode --no-deps --python $(BIN)/python -r requirements-ray.lock || $(BIN)/python -m pip install --quiet --require-hashes --no-deps -r requirements-ray.lock
	@touch $@

.PHONY: lock
lock: # keeps what is locked; UPGRADE=--upgrade takes what is newest
	cp requirements.lock .lock.full
	$(BIN)/uv pip compile pyproject.toml --extra dev --extra bench --universal --generate-hashes --python-version 3.11 \
	  --quiet --no-annotate --no-header $(UPGRADE) --output-file .lock.full
	$(BIN)/python -c "$$SELECT" .lock.full requirements.lock
	cp requirements-ray.lock .lock.full
	$(BIN)/uv pip compile pyproject.toml --extra ray --universal --generate-hashes --python-version 3.11 \
	  --quiet --no-annotate --no-header $(UPGRADE) --constraint requirements.lock --output-file .lock.full
	$(BIN)/python -c "$$SELECT" .lock.full requirements-ray.lock requirements.lock
	rm .lock.full

# Of a resolution, what is neither PyTorch nor CUDA's, nor in another lock already.
define SELECT
import re, sys
from pathlib import Path
full, out, *others = map(Path, sys.argv[1:])
name = lambda block: re.match(r"[A-Za-z0-9._-]+", block)[0]
blocks = lambda file: re.split(r"\n(?=[a-zA-Z0-9])", file.read_text().strip())
known = {name(block) for other in others for block in blocks(other)}
kept = [b for b in blocks(full) if name(b) not in known and not re.match(r"(nvidia-|cuda-|triton|torch==)", b)]
out.write_text("\n".join(kept).rstrip() + "\n")
endef
export SELECT
