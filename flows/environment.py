"""The process environment: nothing calls home, every service keeps its files under `GALEN_HOME`."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

ALWAYS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "GX_ANALYTICS_ENABLED": "false",
    "DVC_NO_ANALYTICS": "true",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "RAY_USAGE_STATS_ENABLED": "0",
    "DO_NOT_TRACK": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}
DEFAULTS = {
    "PREFECT_LOGGING_SETTINGS_PATH": str(Path(__file__).with_name("logging.yaml")),
    "PREFECT_TASKS_DEFAULT_PERSIST_RESULT": "false",
    # Threads that wait by spinning starve each other as soon as anything else runs here (measured: half the speed).
    "OMP_WAIT_POLICY": "PASSIVE",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_VERBOSITY": "error",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
}


def set_up_environment(home: Path) -> None:
    """Set what the libraries read at import. What the user has set stays, except telemetry, which is always off.

    Args:
        home: `GALEN_HOME`.
    """
    warnings.simplefilter("ignore", FutureWarning)  # of one library about another: nothing that a user could do
    os.environ.update(ALWAYS)
    for name, value in {"PREFECT_HOME": str(home / "prefect"), **DEFAULTS}.items():
        os.environ.setdefault(name, value)
