"""From a file of a million rows to a sealed dataset version: wall time per stage, and peak memory.

    python bench/ingest.py [ROWS]

Works in a copy of the checkout in a temporary folder, which is removed at the end. The rows are synthetic questions
and answers in English and Chinese; one in ten names a person, a date or a telephone number.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
COPIED = ("tasks", "data", "dvc.yaml", "requirements.lock", ".dvc/config", ".dvcignore")
ENTRY = """\
datasets:
  million:
    task: causal-lm
    source: rows.jsonl
    format: jsonl
    columns: {record_id: id, group_id: patient, prompt: question, answer: answer, category: topic, language: language}
    licence: CC0-1.0
    split: {near_duplicate: 0.8}
    augment: {paraphrase: 0.05, synonyms: 0.05, noise: 0.05}
"""
TOPICS = ("skin", "heart", "lung", "eye", "kidney", "nerve", "joint", "liver")
WORDS = (
    *("fever", "cough", "rash", "pain", "swelling", "nausea", "headache", "fatigue", "itching", "tremor", "thirst"),
    *("morning", "evening", "meals", "exercise", "sleep", "stress", "weather", "walking", "sitting", "standing"),
    *("mild", "severe", "sudden", "slow", "constant", "repeated", "usual", "left", "right", "upper", "lower", "whole"),
)
SIGNS = ("发热", "咳嗽", "皮疹", "疼痛", "肿胀", "恶心", "头痛", "乏力", "瘙痒", "出血", "震颤", "口渴", "寒战", "失眠")
NAMES = ("Jane Miller", "Omar Haddad", "Li Wei", "Maria Lopez", "Peter Schmidt")


def row(number: int, dice: random.Random) -> dict[str, str]:
    """One record; the number in it keeps it from being a copy of another."""
    topic = dice.choice(TOPICS)
    if number % 5 == 0:
        question = f"第{number}例：{'、'.join(dice.choices(SIGNS, k=4))}，应该怎么办？"
        answer = f"病例{number}常见于{dice.choice(SIGNS)}，建议{''.join(dice.choices(SIGNS, k=6))}时休息，必要时就诊。"
        language = "zh"
    else:
        question = f"Case {number} has {' '.join(dice.choices(WORDS, k=12))}; what is it?"
        answer = f"Case {number}: {' '.join(dice.choices(WORDS, k=40))}. See a doctor if it lasts."
        language = "en"
    if number % 10 == 1:
        question += f" {dice.choice(NAMES)} asked on {dice.randint(1, 28)} March 2021, phone 555-{number % 10_000:04d}."
    return {
        "id": f"r{number}", "patient": f"p{number // 2}", "question": question, "answer": answer, "topic": topic,
        "language": language,
    }  # fmt: skip


class Memory:
    """The largest resident memory of a process and all below it, sampled ten times a second."""

    def __init__(self, pid: int) -> None:
        self.peak, self._pid, self._stop = 0, pid, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        import psutil

        while not self._stop.wait(0.1):
            try:
                top = psutil.Process(self._pid)
                sizes = [process.memory_info().rss for process in (top, *top.children(recursive=True))]
            except psutil.Error:
                continue
            self.peak = max(self.peak, sum(sizes))

    def stop(self) -> int:
        """End sampling; bytes."""
        self._stop.set()
        self._thread.join()
        return self.peak


def copy_checkout(folder: Path) -> None:
    for name in COPIED:
        source, target = CHECKOUT / name, folder / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "built", "sample"))
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    (folder / "params.yaml").write_text(ENTRY)


START = "from tasks.store import Store; store = Store.of_environment(); "


def measure(folder: Path, code: str) -> tuple[float, int]:
    """Seconds and peak bytes of one Python process and its children."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "GALEN_HOME": str(folder / "var")}
    started = time.perf_counter()
    with subprocess.Popen([sys.executable, "-c", f"{START}{code}"], cwd=folder, env=environment) as child:
        memory = Memory(child.pid)
        status = child.wait()
    peak = memory.stop()
    if status:
        raise SystemExit(status)
    return time.perf_counter() - started, peak


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    folder = Path(tempfile.mkdtemp(prefix="galen-bench-"))
    try:
        copy_checkout(folder)
        dice = random.Random(17)
        with (folder / "rows.jsonl").open("w", encoding="utf-8") as file:
            for number in range(rows):
                file.write(json.dumps(row(number, dice), ensure_ascii=False) + "\n")
        size = (folder / "rows.jsonl").stat().st_size
        print(f"{rows:,} rows, {size / 1e6:,.0f} MB, {len(os.sched_getaffinity(0))} cores")
        total, peak = 0.0, 0
        stages = ("ingest", "deidentify", "validate", "split", "augment", "seal")
        steps = {
            one: f"from tasks.data.dvc import build_stage; build_stage(store, {one!r}, 'million')" for one in stages
        }
        steps["adopt"] = "from tasks.data.seal import adopt_version; print(adopt_version(store, 'million').meta.counts)"
        steps["again"] = "from tasks.data.sources import inputs_digest; inputs_digest(store, 'million')"
        for name, code in steps.items():
            seconds, memory = measure(folder, code)
            total, peak = total + seconds, max(peak, memory)
            print(f"{name:<12}{seconds:8.1f} s  {memory / 2**20:8,.0f} MiB", flush=True)
        print(f"{'all':<12}{total:8.1f} s  {peak / 2**20:8,.0f} MiB  {rows / total:,.0f} rows/s")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
