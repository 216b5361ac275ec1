"""Every measurement, one after the other, each in a process of its own: `make bench`.

python -m bench [NAME ...]        for example: python -m bench training ingest
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ORDER = ("training", "kernels", "ingest", "ledger", "deidentification", "deidentification_generated")


def main() -> int:
    here = Path(__file__).parent
    names = sys.argv[1:] or ORDER
    if unknown := sorted(set(names) - set(ORDER)):
        print(f"no such measurement: {', '.join(unknown)} (there are: {', '.join(ORDER)})", file=sys.stderr)
        return 2
    failed = 0
    for name in names:
        print(f"\n## {name}\n", flush=True)
        failed += bool(subprocess.run([sys.executable, "-m", f"bench.{name}"], cwd=here.parent).returncode)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
