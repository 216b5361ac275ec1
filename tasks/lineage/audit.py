"""Where a version came from, as a tree: every event signed, and every byte within reach hashed again.

It gathers evidence that supports an audit; whether that meets a regulation, people decide.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from tasks.errors import IntegrityError
from tasks.lineage.ancestry import Ancestry
from tasks.lineage.beside import later_events, looks, reports
from tasks.lineage.ledger import Chain, events, verify_chain
from tasks.lineage.node import BROKEN, Node
from tasks.lineage.roles import RegisteredVersion, resolve, roles
from tasks.lineage.standing import WORDS, Standing, standing
from tasks.lineage.today import AGAIN, EARLIER, judged_today
from tasks.plain_text import one_line
from tasks.signatures import Keys, trusted_keys
from tasks.store import Store


@dataclass(frozen=True)
class Audit:
    """The ancestry of one version, and what became of every digest in it."""

    reference: str
    version: RegisteredVersion
    held: tuple[str, ...]
    """Roles that it holds."""
    chain: Chain
    root: Node
    today: bool
    """Whether the judging code of this checkout measured it (`tasks.lineage.today`)."""
    standing: Standing
    """How its judgement stands to the gates of today; older gates are no fault of the evidence."""

    @property
    def faults(self) -> list[Node]:
        """What is missing, changed or contradicted."""
        return [node for node in self.root.walk() if node.status in BROKEN]

    @property
    def verdict(self) -> Literal["intact", "incomplete", "broken"]:
        """Broken as soon as one thing was changed or contradicts another; incomplete where all faults are absences."""
        if not self.faults:
            return "intact"
        return "incomplete" if all(node.status == "missing" for node in self.faults) else "broken"

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "reference": self.reference,
            "model": self.version.model,
            "version": self.version.number,
            "roles": list(self.held),
            "verdict": self.verdict,
            "judged_by_this_code": self.today,
            "standing": self.standing,
            "faults": [f"{node.name}: {node.detail}" for node in self.faults],
            "ledger": {
                "events": self.chain.head.sequence,
                "head": self.chain.head.digest,
                "events_per_key": self.chain.keys,
                "dated_backwards": list(self.chain.backwards),
            },
            "ancestry": self.root.plain(),
        }

    def text(self) -> str:
        """For people: the tree, then the verdict."""
        counts = {
            status: sum(node.status == status for node in self.root.walk()) for status in ("verified", "recorded")
        }
        keys = ", ".join(f"{key[:12]} ({count} events)" for key, count in self.chain.keys.items())
        roles_held = f" ({', '.join(self.held)})" if self.held else ""
        return "\n".join(
            [
                f"{self.version.model} version {self.version.number}{roles_held}",
                *self.root.drawn(),
                "",
                f"ledger: {self.chain.head.sequence} events, every signature and link verified; signed by key {keys}",
                f"evidence: {self.verdict}; {counts['verified']} verified, {counts['recorded']} recorded only, "
                f"{len(self.faults)} {'absent' if self.verdict == 'incomplete' else 'at fault'}",
                *(one_line(f"  {node.name}: {node.detail}") for node in self.faults),
                *(f"note: event {place} is dated before event {place - 1}" for place in self.chain.backwards),
                *([] if self.today else [f"note: {EARLIER}; {AGAIN}"]),
                *([] if self.standing == "current" else [f"note: {WORDS[self.standing]}"]),
            ]
        )

    def raise_if_broken(self) -> None:
        """End with exit code 6 where anything is at fault.

        Raises:
            IntegrityError: names the first fault, and how many there are; `text` lists all.
        """
        if self.faults:
            broken = [node for node in self.faults if node.status != "missing"]
            first = (broken or self.faults)[0]
            more = f" (and {len(self.faults) - 1} more, listed above)" if len(self.faults) > 1 else ""
            hint = "restore it from a backup that you trust; until then, do not serve this model"
            if not broken:
                hint = "it is not on this machine: restore it from a backup, or run galen retrain of the recipe"
            raise IntegrityError(f"{first.name}: {first.detail}{more}", value=self.reference, hint=hint)


def audit(store: Store, reference: str, trusted: Keys | None = None) -> Audit:
    """The ancestry of `MODEL@ROLE` or `MODEL@NUMBER`, everything within reach hashed again.

    Args:
        store: where everything is kept.
        reference: which version.
        trusted: keys that may have signed the ledger; default: all in the keys folder.

    Raises:
        InputError: no such version.
        IntegrityError: the ledger itself does not verify: then nothing that it says is evidence.
    """
    chain = verify_chain(store, trusted)
    version = resolve(store, reference)
    held = roles(store, version.model).of(version)
    history = events(store)
    trusted = trusted_keys(store) if trusted is None else trusted
    told = [event for event in (version.judged, version.registered, version.promoted) if event]
    root = Ancestry(store, version, history).root()
    beside = [*looks(history, version), *reports(store, told, trusted), *later_events(store, history, trusted)]
    root = root.under(*beside)
    today = judged_today(store, version, history)
    return Audit(reference, version, held, chain, root, today, standing(store, version))
