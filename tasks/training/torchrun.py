"""`python -m tasks.training.torchrun PROCESSES FOLDER`: torchrun on this machine alone, without its own words.

PyTorch's launcher reports a failed process by a traceback; the processes say themselves what is wrong
(`tasks.training.rank`). When one dies it ends the others, and it ends with them.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

LAUNCHER = "GALEN_LAUNCHER"
"""Environment variable: id of the process without which a training process must not go on."""


def main(processes: str, folder: str) -> int:
    """Run the processes to their end; the exit code."""
    from torch.distributed import run
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    logging.disable(logging.CRITICAL)
    os.environ[LAUNCHER] = str(os.getpid())
    asked = ["--standalone", "--local-addr", "127.0.0.1", "--nproc-per-node", processes]
    launch: Any = run
    try:
        launch.run(launch.parse_args([*asked, "-m", "tasks.training.rank", folder]))
    except (ChildFailedError, SignalException):
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
