"""What every test starts from: an empty `GALEN_HOME`, and no call home."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # so that tests can say `from tests.factories import`

os.environ.update(
    {
        "DO_NOT_TRACK": "1",
        "GX_ANALYTICS_ENABLED": "false",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_OFFLINE": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "TOKENIZERS_PARALLELISM": "false",
        "TRANSFORMERS_VERBOSITY": "error",
    }
)


@pytest.fixture(autouse=True)
def galen_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `GALEN_HOME` of the test's own; nothing is in it yet."""
    folder = tmp_path / "galen-home"
    monkeypatch.setenv("GALEN_HOME", str(folder))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    return folder
