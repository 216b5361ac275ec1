"""The table of a comparison's report as Markdown, for docs: without times, which are those of a shared machine.

python bench/tables.py docs/results/compare-NAME/report.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tasks.comparison.report import FILTERS, estimate, verdict


def main() -> None:
    found = json.loads(Path(sys.argv[1]).read_text())
    whole = FILTERS["whole"]
    metric, reference = found["metric"], found["reference"]
    print(
        f"| method | seeds | {metric} [95 %] | gain over {reference} | switched off | weights | share "
        "| peak MiB | on disk MB | forgetting | transfer |\n"
        "|---|---:|---|---|---:|---:|---:|---:|---:|---:|---:|"
    )
    for arm in found["arms"]:
        if not arm["finished"]:
            continue
        numbers = arm["numbers"]
        gained = arm["gain"].get(metric)
        bold = "**" if verdict(gained) else ""
        off = (arm["switched_off"] or {}).get(metric)
        cells = [
            arm["name"],
            len(arm["finished"]),
            estimate(arm["quality"].get(metric)),
            "reference" if arm["name"] == reference else f"{bold}{estimate(gained, True)}{bold}",
            "head only" if off is None else f"{off:.3f}",
            whole(numbers["parameters.trained"]),
            FILTERS["percent"](numbers["parameters.share"]),
            whole(numbers["cost.peak_memory_mib"]),
            f"{numbers['size_bytes'] / 1e6:.2g}",
            *(
                "–" if numbers[key] is None else f"{numbers[key]:+.3f}"
                for key in ("forgetting.change", "transfer.change")
            ),
        ]
        print("| " + " | ".join(map(str, cells)) + " |")


if __name__ == "__main__":
    main()
