"""Kills of every kind at random moments of a small chain: does what follows equal an undisturbed run?

    python -m bench.kills --count 200 --seed 1       # about half a minute for each kill on two quiet cores

Each trial takes a fresh checkout with a minute model, starts `galen retrain`, kills (the command, one of its children,
or Prefect's server; asking or insisting), starts it again, a few times over, and then lets it end. What must be true:
every exit code is a documented one, no process outlives the command, the run that is left alone ends with 0, and
then dataset, weights, decisions, versions and aliases equal those of a run that nobody disturbed; nothing waits and
nothing is left behind. After half of the kills `galen models` is the next command, else the next `galen retrain`: the
one must end, and the other say its first line, within a minute. Every line of the result is one kill.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench.aftermath import differences, family, left_behind, living, read, state
from tests.factories import tiny_bert
from tests.flows.checkout import Checkout

RECIPE = "recipes/minute.yaml"
KINDS = (
    ("command", signal.SIGTERM),
    ("command", signal.SIGINT),
    ("command", signal.SIGKILL),
    ("child", signal.SIGTERM),
    ("child", signal.SIGKILL),
    ("server", signal.SIGTERM),
    ("server", signal.SIGKILL),
)
PATIENCE = 120.0
"""Seconds that a command may still take once something was killed, and processes to go with it."""
MINUTE = 60.0
"""Seconds that the next command may take to end, or the next run to say what it does."""


@dataclass
class Kill:
    """What one kill did."""

    trial: int
    whom: str
    signal: str
    after: float
    """Seconds since the command began."""
    code: int = 0
    took: float = 0.0
    """Seconds from the kill to the end of the command."""
    stage: str = ""
    """The last line that the command had printed."""
    listed: float | None = None
    """Seconds that `galen models`, as the next command, took; None where it was not asked."""
    faults: list[str] = field(default_factory=list)


@dataclass
class Trial:
    """A checkout, disturbed until it is left alone."""

    number: int
    kills: list[Kill] = field(default_factory=list)
    seconds: float = 0.0
    """Of the run that was left alone."""
    words: list[float] = field(default_factory=list)
    """Seconds to the first line of each run that followed a kill."""
    faults: list[str] = field(default_factory=list)


class Ground:
    """Checkouts that are all alike, and what a run leaves in one that nobody disturbed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.template = Checkout(folder / "template", tiny_bert(folder / "bert"))
        self.template.declare()
        shutil.rmtree(self.template.home, ignore_errors=True)
        quiet = self.fresh("undisturbed")
        started = time.monotonic()
        quiet.galen("retrain", RECIPE)
        self.seconds = time.monotonic() - started
        self.expected = state(quiet)
        if left := left_behind(quiet):
            raise SystemExit(f"an undisturbed run leaves {left}")
        self.built = self.fresh("built")
        self.built.galen("data", "build", "minute")

    def fresh(self, name: str, *, built: bool = False) -> Checkout:
        """A new checkout, or one whose dataset is built: there, kills meet what comes after the data."""
        target = self.folder / name
        shutil.copytree(self.built.folder if built else self.template.folder, target, symlinks=True)
        copy = Checkout.__new__(Checkout)
        copy.folder, copy.base, copy.home = target, self.template.base, target / "var"
        return copy


def disturbed(ground: Ground, number: int, kills: int, rng: random.Random) -> Trial:
    """One trial."""
    built = number % 2 == 0
    trial, checkout = Trial(number), ground.fresh(f"trial-{number}", built=built)
    limit = ground.seconds / 2 if built else ground.seconds
    for _ in range(kills):
        whom, signum = rng.choice(KINDS)
        kill = Kill(number, whom, signal.Signals(signum).name, round(rng.uniform(0.05, limit), 2))
        if not _kill(checkout, kill, rng, trial):
            break
        trial.kills.append(kill)
        if kill.code == 0:
            break
    started = time.monotonic()
    process, log = start(checkout)
    code = _watched(process, log, 10 * ground.seconds + PATIENCE, trial)
    if code is None:
        process.kill()
    trial.seconds = time.monotonic() - started
    said = log.read_text()
    if code != 0:
        trial.faults.append(f"the run that was left alone ended with {code}: {said[-1500:]}")
    elif difference := differences(ground.expected, state(checkout)):
        trial.faults.append(difference)
    if left := left_behind(checkout):
        trial.faults.append(f"left behind: {left}")
    if not trial.faults and not any(kill.faults for kill in trial.kills):
        shutil.rmtree(checkout.folder)
    return trial


def start(checkout: Checkout) -> tuple[subprocess.Popen[bytes], Path]:
    """Start a retrain; its words go into a file."""
    log = checkout.folder / f"said-{time.monotonic_ns()}.txt"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "flows.cli", "retrain", RECIPE],
            cwd=checkout.folder,
            env={name: value for name, value in checkout.environment().items() if name != "TMPDIR"},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    return process, log


def _watched(process: subprocess.Popen[bytes], log: Path, seconds: float, trial: Trial) -> int | None:
    """Let a run go on for so long; its exit code, or None where it goes on. Notes when its first line came."""
    started, spoke = time.monotonic(), not trial.kills
    while (passed := time.monotonic() - started) < seconds:
        ended = process.poll()
        if not spoke and log.stat().st_size:
            spoke = True
            trial.words.append(round(passed, 1))
            if passed > MINUTE:
                trial.faults.append(f"the next run said nothing for {passed:.0f} s")
        if ended is not None:
            return ended
        time.sleep(0.02)
    return None


def _listed(checkout: Checkout, kill: Kill) -> None:
    """Ask for the models, as the next command."""
    started = time.monotonic()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process = checkout.start("models")
        said, _ = process.communicate(timeout=10 * MINUTE)
        if process.returncode != 0:
            kill.faults.append(f"galen models ended with {process.returncode}: {said[-1500:]}")
    process.kill()
    kill.listed = round(time.monotonic() - started, 1)
    if kill.listed > MINUTE:
        kill.faults.append(f"galen models took {kill.listed:.0f} s")


def _kill(checkout: Checkout, kill: Kill, rng: random.Random, trial: Trial) -> bool:
    """Start, kill, look; False where the command had ended by itself before."""
    process, log = start(checkout)
    code = _watched(process, log, kill.after, trial)
    if code is not None:
        if code != 0:
            trial.faults.append(f"a run that nobody killed ended with {code}: {log.read_text()[-1500:]}")
        return False
    children = list(family(process.pid))
    if kill.whom == "server":
        children = [pid for pid in children if b"uvicorn" in read(f"/proc/{pid}/cmdline")]
    victim = rng.choice(children) if kill.whom != "command" and children else process.pid
    if victim == process.pid:
        kill.whom = "command"
    signum = signal.Signals[kill.signal]
    os.kill(victim, signum)
    killed = time.monotonic()
    said = [line for line in log.read_text().splitlines() if line.strip()]
    kill.stage = said[-1].strip().split("  ")[0] if said and said[-1].startswith("  ") else ""
    try:
        kill.code = process.wait(PATIENCE if kill.whom != "child" else None)
    except subprocess.TimeoutExpired:
        kill.faults.append(f"still there {PATIENCE:.0f} s later")
        process.kill()
        kill.code = process.wait()
    kill.took = round(time.monotonic() - killed, 1)
    text = log.read_text()
    if kill.code not in _allowed(kill, signum):
        kill.faults.append(f"exit code {kill.code}: {text[-1500:]}")
    if "Traceback" in text:
        kill.faults.append(f"a traceback: {text[-3000:]}")
    deadline = time.monotonic() + 10
    while (orphans := living(checkout)) and time.monotonic() < deadline:
        time.sleep(0.1)
    if orphans:
        kill.faults.append(f"orphans: {orphans}")
        for pid in orphans:
            os.kill(pid, signal.SIGKILL)
    if rng.random() < 0.5:
        _listed(checkout, kill)
    return True


def _allowed(kill: Kill, signum: int) -> tuple[int, ...]:
    if kill.whom != "command":
        return (0, 5)
    if signum == signal.SIGKILL:
        return (-9,)
    return (0, 5, -signum) if kill.after < 3 else (0, 5)  # before Galen's first line the system itself decides


def main() -> int:
    """Kill, print a line for each, write them all as JSON; 1 where something did not hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200, help="kills in all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--each", type=int, default=4, help="kills in one checkout, at most")
    parser.add_argument("--out", type=Path, help="a file for every kill, as JSON")
    parser.add_argument("--folder", type=Path, help="where the checkouts lie; those with faults stay")
    given = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background has it ignored, and hands it on
    rng = random.Random(given.seed)
    trials: list[Trial] = []
    with tempfile.TemporaryDirectory(prefix="galen-kills-") as temporary:
        ground = Ground(given.folder or Path(temporary))
        print(f"undisturbed: {ground.seconds:.0f} s", flush=True)
        while (done := sum(len(trial.kills) for trial in trials)) < given.count:
            trial = disturbed(ground, len(trials) + 1, min(given.each, given.count - done), rng)
            trials.append(trial)
            for kill in trial.kills:
                line = f"{kill.after:6.1f} s {kill.stage:<18} {kill.signal:<8} {kill.whom:<8} code {kill.code:>3}"
                print(f"trial {kill.trial:3} {line} after {kill.took:5.1f} s  {'; '.join(kill.faults)}", flush=True)
            print(f"trial {trial.number:3} left alone: {trial.seconds:.0f} s  {'; '.join(trial.faults)}", flush=True)
            if given.out:
                given.out.write_text(json.dumps([asdict(one) for one in trials], indent=1))
    print(summary(trials))
    return int(any(trial.faults or any(kill.faults for kill in trial.kills) for trial in trials))


def summary(trials: list[Trial]) -> str:
    """A table: what was killed how, with which exit codes, and how many faults."""
    rows = [f"{'killed':<10}{'signal':<10}{'times':>6}{'longest':>9}  {'exit codes':<24}faults"]
    kills = [kill for trial in trials for kill in trial.kills]
    for whom, signum in sorted({(kill.whom, kill.signal) for kill in kills}):
        these = [kill for kill in kills if (kill.whom, kill.signal) == (whom, signum)]
        codes = ", ".join(f"{code}: {n}" for code, n in sorted(Counter(kill.code for kill in these).items()))
        longest = max(kill.took for kill in these)
        faults = sum(bool(kill.faults) for kill in these)
        rows.append(f"{whom:<10}{signum:<10}{len(these):>6}{longest:>8.1f}s  {codes:<24}{faults}")
    slowest = max(trial.seconds for trial in trials)
    wrong = sum(bool(trial.faults) for trial in trials)
    listed = [kill.listed for kill in kills if kill.listed is not None]
    words = [seconds for trial in trials for seconds in trial.words]
    rows.append(f"galen models, {len(listed)} times the next command: at most {max(listed, default=0):.1f} s")
    rows.append(f"galen retrain, {len(words)} times: its first line after at most {max(words, default=0):.1f} s")
    rows.append(f"{len(trials)} runs left alone: {wrong} with faults, the slowest took {slowest:.0f} s")
    return "\n".join(rows)


if __name__ == "__main__":
    sys.exit(main())
