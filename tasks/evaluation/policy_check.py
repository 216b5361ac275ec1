"""`galen policy check`: whether a policy can keep what it promises on a dataset, said before anything is trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tasks.data.version import DatasetVersion
from tasks.errors import InputError
from tasks.evaluation.policy import Policy
from tasks.evaluation.sizing import WANTED, Sized, known_of, sized
from tasks.store import Store

ANCHOR = "not-worse-than-anchor"


@dataclass(frozen=True)
class World:
    """A way in which candidates and test records come for a year, and whether the policy's bound holds in it.

    `bench/creep.py` simulates the four, and docs/gates.md has its figures.
    """

    candidates: str
    records: str
    holds: bool
    why: str


@dataclass(frozen=True)
class Check:
    """What a policy can tell on a dataset."""

    policy: str
    dataset: str
    test: str
    """SHA-256 of the test split's file."""
    source: str
    """Where it is known from how much two equally good models differ."""
    sizes: tuple[Sized, ...]
    worlds: tuple[World, ...]

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return dict(vars(self)) | {
            "sizes": [one.plain() for one in self.sizes],
            "worlds": [dict(vars(one)) for one in self.worlds],
        }

    def raise_if_refused(self) -> None:
        """Refuse a policy that the data cannot serve.

        Raises:
            InputError: a gate could let by hardly any equal candidate.
        """
        refused = [one for one in self.sizes if one.refused]
        if refused:
            lines = "\n".join(f"  - {one.gate}{f' [{one.slice}]' if one.slice else ''}: {one.needs}" for one in refused)
            raise InputError(
                f"{self.dataset} has too few test records for {self.policy}: of equal candidates, fewer than {WANTED} "
                f"a year would be let by\n{lines}",
                hint="add test records, give the gate more tolerance or fewer looks, or let it say `underpowered: "
                "report`: it is then shown and never counted",
            )


def check_of(
    store: Store, policy: Policy, dataset: DatasetVersion, disagreement: float | None = None, most: int | None = None
) -> Check:
    """What a policy can tell on a dataset.

    Args:
        store: where models that were judged before are found.
        policy: the gates.
        dataset: the version whose test split they would judge by.
        disagreement: of two equally good models; None: measured.
        most: as `evaluation.max_records`.

    Raises:
        InputError: the policy is for other records, or nothing is known of how much two equal models differ.
    """
    known = known_of(store, dataset, disagreement)
    sizes = tuple(sized(policy, dataset, known, most))
    worlds = worlds_of(policy, sizes)
    return Check(policy.name, dataset.name, dataset.split_digest("test"), known.source, sizes, worlds)


def worlds_of(policy: Policy, sizes: tuple[Sized, ...]) -> tuple[World, ...]:
    """In which of the four worlds the policy keeps a year of candidates above the anchor's margin."""
    anchors = [gate for gate in policy.gates if gate.kind == ANCHOR]
    strict = [one for one in sizes if one.kind == ANCHOR and one.resolved]
    one, more = "one test split all year", "new test records every week"
    cold, warm = "trained from the base", "trained from the champion"
    if not anchors:
        why = "no gate looks further back than to the champion: many small losses add up"
        return tuple(World(who, what, False, why) for who in (cold, warm) for what in (one, more))
    if not strict:
        why = "the records are too few for the anchor's gate: it only reports, and only a proven loss stops a candidate"
        return tuple(World(who, what, False, why) for who in (cold, warm) for what in (one, more))
    alone = "each look has its share of the error probability"
    if any(getattr(gate, "adaptive_cost", None) is None for gate in anchors):
        none = "candidates inherit the champion's luck, and no records arrive that could show it: none is promoted"
        fresh = "candidates are judged on records that nobody had seen when their champion was chosen"
        return (
            World(cold, one, True, alone),
            World(cold, more, True, alone),
            World(warm, one, True, none),
            World(warm, more, True, fresh),
        )
    luck = "candidates inherit the champion's luck on the split, and the gate lets them be judged by it"
    return (
        World(cold, one, True, alone),
        World(cold, more, True, alone),
        World(warm, one, False, luck),
        World(warm, more, False, luck),
    )
