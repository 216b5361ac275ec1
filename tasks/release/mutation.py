"""The mutation score of a policy: which planted harms its gates notice, and how small they may be.

Each harm is planted into the evidence of an unharmed twin that passes, and the gates judge as they always do. The score
is the share of the harms that a gate notices which is meant for it. Who weakens a policy lowers it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from tasks.errors import GateRejected, NotJudgeable
from tasks.evaluation.gate import number
from tasks.release.harm import TIMES, Case, DoesNotApply, Harm, Place

LEAST = 0.9
"""Share of the harms that gates meant for them must notice."""
LARGEST = 16 * TIMES
"""Margins up to which a harm is enlarged that goes unnoticed."""
HALVINGS = 5
"""How often the strength is halved between one that is noticed and one that is not."""


@dataclass(frozen=True)
class Planting:
    """A harm in a model, and who noticed."""

    harm: str
    what: str
    planted_in: Place
    meant: tuple[str, ...]
    """Kinds of gates that should notice."""
    strength: str = ""
    """In words; empty for what is there or is not."""
    caught_by: tuple[str, ...] = ()
    """Names of gates."""
    by_meant: bool = False
    """Whether one of them is of a kind that is meant for it."""
    smallest: str | None = None
    """The smallest strength that a gate meant for it noticed; None where nothing else was tried."""
    why_not: str | None = None
    """Why there is no such harm; None where there is."""

    @property
    def planted(self) -> bool:
        """Whether it counts."""
        return self.why_not is None


@dataclass(frozen=True)
class Score:
    """What the gates of a policy noticed."""

    policy: str
    rules: str | None
    """Digest of the policy as its file has it."""
    subject: str
    """What the harms were planted into: MODEL@VERSION."""
    split: str
    records: int
    groups: int
    seed: int
    twin: tuple[str, ...]
    """Why the unharmed twin does not pass; empty where it does."""
    plantings: tuple[Planting, ...]

    @property
    def counted(self) -> list[Planting]:
        """The harms that there are."""
        return [one for one in self.plantings if one.planted]

    @property
    def caught(self) -> int:
        """Harms that any gate noticed."""
        return sum(bool(one.caught_by) for one in self.counted)

    @property
    def by_meant(self) -> int:
        """Harms that a gate noticed which is meant for them."""
        return sum(one.by_meant for one in self.counted)

    @property
    def share(self) -> float:
        """Of the harms, those that gates noticed which are meant for them; 0 where none was planted."""
        return self.by_meant / len(self.counted) if self.counted else 0.0

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return dict(vars(self)) | {
            "twin": list(self.twin),
            "plantings": [dict(vars(one)) for one in self.plantings],
            "planted": len(self.counted),
            "caught": self.caught,
            "caught_by_gates_meant_for_it": self.by_meant,
            "share": self.share,
        }

    def raise_if_low(self, least: float = LEAST) -> None:
        """End with exit code 3 where the policy notices too little.

        Raises:
            GateRejected: the unharmed twin does not pass, or the share is less than `least`.
        """
        if self.twin:
            reasons = "\n".join(f"  - {reason}" for reason in self.twin)
            raise GateRejected(f"the unharmed {self.subject} does not pass {self.policy}, so no harm shows\n{reasons}")
        if self.share < least:
            names = "\n".join(f"  - {_unnoticed(one)}" for one in self.counted if not one.by_meant)
            raise GateRejected(f"{self.policy} notices {self.share:.0%} of the harms, {least:.0%} are asked\n{names}")


def _unnoticed(one: Planting) -> str:
    by = f"noticed by {', '.join(one.caught_by)} alone" if one.caught_by else "unnoticed"
    return f"{one.harm}: {by}; meant for it: {', '.join(one.meant)}"


def twin_fails(case: Case) -> tuple[str, ...]:
    """Why an unharmed candidate does not pass, by form; empty where it does."""
    return tuple(
        f"{form}: {reason}"
        for form, verdict in case.verdicts().items()
        if not verdict.passed
        for reason in verdict.reasons() or ["no gate said anything of it"]
    )


def noticed(case: Case) -> tuple[str, ...]:
    """Names of the gates that speak against any form of a candidate, in the policy's order."""
    against = {
        result.name
        for verdict in case.verdicts().values()
        for result in verdict.results
        if result.outcome in ("failed", "not-judged")
    }
    return tuple(gate.name for gate in case.protocol.gates if gate.name in against)


def meant_among(case: Case, names: Sequence[str], kinds: Sequence[str]) -> bool:
    """Whether one of the gates of these names is of one of the kinds."""
    return any(gate.kind in kinds for gate in case.protocol.gates if gate.name in names)


def plantings(case: Case, harms: Iterable[Harm], seed: int) -> Iterator[Planting]:
    """Each harm that is planted into scores, and who noticed.

    Args:
        case: the unharmed candidate, which must pass.
        harms: what to plant.
        seed: each harm draws its chance from it and from its own name, so that one more harm changes no other.
    """
    for harm in harms:
        found = Planting(harm.name, harm.what, "scores", harm.meant)
        try:
            planted = harm.plant(case, TIMES, Random(f"{seed} {harm.name}"))
        except (DoesNotApply, NotJudgeable) as error:
            yield replace(found, why_not=error.what)
            continue
        names = noticed(planted.case)
        met = meant_among(case, names, harm.meant)
        smallest = _smallest(case, harm, seed, met) if harm.graded else None
        yield replace(found, strength=planted.strength, caught_by=names, by_meant=met, smallest=smallest)


def _smallest(case: Case, harm: Harm, seed: int, met: bool) -> str:
    """The smallest strength that is noticed by a gate meant for it, in words and in margins. Only these are asked."""
    gates = tuple(case.gates(*harm.meant))
    if not gates:
        return "none"

    def asked(times: float) -> tuple[bool, str]:
        try:
            planted = harm.plant(case, times, Random(f"{seed} {harm.name}"))
        except (DoesNotApply, NotJudgeable):
            return False, ""
        return bool(noticed(replace(planted.case, protocol=replace(case.protocol, gates=gates)))), planted.strength

    low, high = 0.0, TIMES
    while not met:
        low, high = high, 2 * high
        if high > LARGEST:
            return "none"
        met, _ = asked(high)
    words = asked(high)[1]
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        met, said = asked(middle)
        if met:
            high, words = middle, said
        else:
            low = middle
    return f"{words} ({number(high)} margins)"
