"""Another user of this machine, for tests of what such a one can do."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import pytest

NOBODY = 65534

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as a second user")


def as_stranger(act: Callable[[], Any]) -> Any:
    """What a function finds (plain data) when another user runs it; `OSError: ...` where it ends in one."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        found: Any = None
        try:
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
            found = act()
        except OSError as error:
            found = f"OSError: {type(error).__name__}"
        finally:
            os.write(writing, json.dumps(found).encode())
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as file:
        said = file.read()
    os.waitpid(child, 0)
    return json.loads(said)
