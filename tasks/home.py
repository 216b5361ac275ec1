"""Where things are. Nothing here creates a folder: whoever writes does."""

from __future__ import annotations

import os
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent


def home() -> Path:
    """The folder of everything made at run time: `GALEN_HOME`, else `var/` in the checkout."""
    named = os.environ.get("GALEN_HOME")
    return Path(named).expanduser().resolve() if named else CHECKOUT / "var"


def real_data() -> Path:
    """The folder of public data for tests and benchmarks: `GALEN_REAL_DATA`, else `shared/data` beside the checkout."""
    named = os.environ.get("GALEN_REAL_DATA")
    return Path(named).expanduser().resolve() if named else CHECKOUT.parent / "shared" / "data"


def shown(path: Path) -> str:
    """A path as people should read it and as records may keep it: relative to the checkout where it lies inside."""
    path = path.absolute()
    return path.relative_to(CHECKOUT).as_posix() if path.is_relative_to(CHECKOUT) else str(path)
