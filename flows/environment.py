"""The process environment: nothing calls home, every service keeps its files under `GALEN_HOME`, and what runs on this
machine is never asked through a proxy."""

from __future__ import annotations

import os
import warnings
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from flows.console import say
from tasks.private import close_new_files

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
    # Nothing here is compiled. PEFT and bitsandbytes ask for it when imported, which loads a compiler: 1.5 s each time.
    "TORCHDYNAMO_DISABLE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_VERBOSITY": "error",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
}
LOOPBACK = ("localhost", "127.0.0.1", "::1")
"""Names of this machine, on which Galen's own services listen."""
PROXIES = ("http_proxy", "https_proxy", "all_proxy")


def set_up_environment(home: Path) -> None:
    """Set what the libraries read at import. What the user has set stays, except telemetry, which is always off.

    Args:
        home: `GALEN_HOME`.
    """
    warnings.simplefilter("ignore", FutureWarning)  # of one library about another: nothing that a user could do
    os.environ.update(ALWAYS)
    for name, value in {"PREFECT_HOME": str(home / "prefect"), **DEFAULTS}.items():
        os.environ.setdefault(name, value)
    _leave_proxies_out()
    close_new_files()


def _leave_proxies_out() -> None:
    """Ask this machine directly, whatever proxy the environment names: here and in every process started from here.

    Libraries read `no_proxy`, or `NO_PROXY`, or the first of the two that is set: both get what either had. A SOCKS
    proxy, which no library here can use, or one that is no address, would end every client at its start, also one that
    asks this machine only.
    """
    known = [name.strip() for key in ("no_proxy", "NO_PROXY") for name in os.environ.get(key, "").split(",")]
    direct = ",".join(dict.fromkeys(name for name in (*known, *LOOPBACK) if name))
    os.environ.update(no_proxy=direct, NO_PROXY=direct)
    for key in (name for lower in PROXIES for name in (lower, lower.upper())):
        address = os.environ.get(key, "")
        if address.lower().startswith("socks"):
            fault = None if find_spec("socksio") is not None else "names a SOCKS proxy, which cannot be used here"
        else:
            fault = None if not address or _is_address(address) else "is no address of a proxy"
        if fault:
            del os.environ[key]
            say(f"{key} {fault}: it is ignored", err=True)


def _is_address(text: str) -> bool:
    """Whether libraries read a proxy's address in it, with or without a scheme."""
    try:
        place = urlsplit(text if "://" in text else f"http://{text}")
        return bool(place.hostname) and place.scheme in ("http", "https") and (place.port or 1) > 0
    except ValueError:
        return False
