"""How fast the ledger is appended to, read, and verified in full: python bench/ledger.py [EVENTS]"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tasks.lineage import ledger
from tasks.lineage.event import Origin
from tasks.store import Store

FACTS = {"model": "m", "metrics": {f"metric-{number}": number / 7 for number in range(150)}}


def main(count: int) -> None:
    origin = Origin()
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        started = time.perf_counter()
        for _ in range(count):
            event = ledger.append(store, "evaluated", {"model/m": "a" * 64}, FACTS, origin)
        print(f"{count} events of {len(event.envelope):,} bytes each")
        print(f"append        {count / (time.perf_counter() - started):10,.0f} events/s, each on disk when it returns")
        for name, read in (
            ("read", ledger.events),
            ("read again", ledger.events),
            ("verify in full", ledger.verify_chain),
        ):
            started = time.perf_counter()
            read(store)
            print(f"{name:<14}{count / (time.perf_counter() - started):10,.0f} events/s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
