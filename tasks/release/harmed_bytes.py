"""Harms by changed bytes: copies of a served model with other weights or other files beside them, which are then scored
and asked as any candidate is.

What such a harm costs is measured, not chosen: noise is turned up until the loss is `TIMES` the gate's own margin.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random

from tasks.artifact import MANIFEST, Artifact
from tasks.errors import GalenError, NotJudgeable
from tasks.evaluation.evaluate import evaluate
from tasks.evaluation.gate import number
from tasks.evaluation.robustness import probed
from tasks.meta.form import Form
from tasks.meta.model import ModelMeta
from tasks.meta.record import Plain
from tasks.progress import progress
from tasks.release.as_served import as_served
from tasks.release.harm import SERVED, TIMES, Aim, Case, DoesNotApply, Place, margin_of
from tasks.release.harmed_files import FILES, Copy, FileHarm
from tasks.release.harmed_scores import gain
from tasks.release.harmed_weights import WEIGHTS, WeightHarm, overall
from tasks.release.harms import HARMS
from tasks.release.mutation import Planting, Score, meant_among, noticed, plantings, twin_fails
from tasks.release.rehearsal import Rehearsal, as_of_test, rehearse
from tasks.store import Store

TRIES = 7
"""Copies of a model that are scored to find how much noise costs what is asked."""
ByteHarm = WeightHarm | FileHarm
BYTE_HARMS: tuple[ByteHarm, ...] = (*WEIGHTS, *FILES)


@dataclass(frozen=True)
class Workshop:
    """Where copies of a model are harmed, scored and asked; what is made there goes with the folder."""

    store: Store
    """Where bases are found."""
    scratch: Store
    """Of this test alone."""
    rehearsal: Rehearsal

    def plantings(self, seed: int) -> Iterator[Planting]:
        """Each harm by changed bytes, and who noticed.

        Args:
            seed: each harm draws its chance from it and from its own name.
        """
        with progress("harmed copies", len(BYTE_HARMS), "harms") as shown:
            for harm in BYTE_HARMS:
                yield self._planting(harm, seed)
                shown.advance(note=harm.name)

    def _planting(self, harm: ByteHarm, seed: int) -> Planting:
        place: Place = "weights" if isinstance(harm, WeightHarm) else "served files"
        found = Planting(harm.name, harm.what, place, harm.meant)
        try:
            if isinstance(harm, WeightHarm) and harm.graded:
                return self._graded(found, harm, seed)
            case = self.case_with(harm, self.harmed(harm, seed, 1.0))
        except DoesNotApply as error:
            return replace(found, why_not=error.what)
        except NotJudgeable:
            raise
        except (GalenError, RuntimeError, ValueError, KeyError) as error:
            kind = type(error).__name__
            return replace(found, why_not=f"ends in an error before any gate is asked ({kind})")
        if not self._large(harm, case):
            return replace(found, why_not=f"{self._cost(harm, case)}, less than {TIMES} margins")
        return self._answered(found, harm, case)

    def _answered(self, found: Planting, harm: ByteHarm, case: Case) -> Planting:
        names = noticed(case)
        met = meant_among(case, names, harm.meant)
        return replace(found, strength=self._cost(harm, case), caught_by=names, by_meant=met)

    def _large(self, harm: ByteHarm, case: Case) -> bool:
        """Whether a harm without a strength of its own is one here: it costs enough; or the model was made from another
        one; or it is meant to show as served, and does."""
        form = self._form(harm)
        before, after = self.rehearsal.case.forms[form], case.forms[form]
        if after.candidate.parent != before.candidate.parent:
            return True
        if SERVED in harm.meant and after.served is not None:
            tolerated = max((margin_of(gate, case) or 0.0 for gate in case.gates(SERVED)), default=0.0)
            differing = max((len(way.differing) for way in after.served.ways), default=0)
            if differing > TIMES * tolerated * after.served.records:
                return True
        return not self._lost(harm, case) < TIMES * self._aimed(harm).margin  # what is no number is large

    def _form(self, harm: ByteHarm) -> Form:
        return harm.form if isinstance(harm, WeightHarm) else Form.QUANTIZED

    def _aimed(self, harm: ByteHarm) -> Aim:
        return harm.aimed(self.rehearsal.case) if isinstance(harm, WeightHarm) else overall(self.rehearsal.case)

    def _lost(self, harm: ByteHarm, case: Case) -> float:
        """What a harm costs; NaN where what is left has no finite score."""
        aimed, form = self._aimed(harm), self._form(harm)
        before = self.rehearsal.case.forms[form].candidate.scores()
        return -gain(case.forms[form].candidate.scores(), before, aimed.metric, aimed.slice)

    def _cost(self, harm: ByteHarm, case: Case) -> str:
        aimed, lost = self._aimed(harm), self._lost(harm, case)
        where = f" in {aimed.slice}" if aimed.slice else ""
        if math.isnan(lost):
            return f"{aimed.metric} is no number"
        if lost:
            return f"{aimed.metric} {number(lost)} worse{where}"
        served = case.forms[self._form(harm)].served if isinstance(harm, FileHarm) else None
        many = max((len(way.differing) for way in served.ways), default=0) if served else 0
        return f"{many} of {served.records} answers as served" if served and many else f"{aimed.metric} as it was"

    def _graded(self, found: Planting, harm: WeightHarm, seed: int) -> Planting:
        """As much noise as costs what is asked; the least that was noticed on the way there."""
        aimed = self._aimed(harm)
        wanted, low, high, least = TIMES * aimed.margin, 0.0, 0.25, float("inf")
        best: Artifact | None = None
        for _ in range(TRIES):
            scale = high if best is None else (low + high) / 2
            copy = self.harmed(harm, seed, scale)
            tried = self.case_with(harm, copy)
            lost = self._lost(harm, tried)
            if meant_among(tried, noticed(tried), harm.meant):
                least = min(least, lost)
            if lost >= wanted:
                best, high = copy, scale
            elif best is None:
                low, high = high, 2 * high
            else:
                low = scale
        if best is None:
            raise DoesNotApply(f"no strength makes {aimed.metric} worse by {number(wanted)}")
        smallest = f"{aimed.metric} {number(least)} worse" if least < float("inf") else "none"
        return replace(self._answered(found, harm, self.case_with(harm, best)), smallest=smallest)

    def harmed(self, harm: ByteHarm, seed: int, scale: float) -> Artifact:
        """A sealed copy of the form that the harm is done to, harmed."""
        form = self._form(harm)
        if form not in self.rehearsal.models:
            raise DoesNotApply(f"there is no {form} form that was made of another one")
        whole = self.rehearsal.models[form]
        said = ModelMeta.read(whole)
        if form is not Form.QUANTIZED and said.parent is None:
            raise DoesNotApply(f"training made the {form} form itself")
        with self.scratch.staging(f"harmed-{harm.name}") as folder:
            target = folder / "model"
            shutil.copytree(whole.path, target, ignore=shutil.ignore_patterns(MANIFEST))
            copy = Copy(target, said, self.rehearsal, self.store, self.scratch)
            meta: Plain | None = harm.change(copy, scale, Random(f"{seed} {harm.name}"))
            return self.scratch.adopt(target, whole.kind, meta or whole.meta)

    def case_with(self, harm: ByteHarm, copy: Artifact) -> Case:
        """The case with a harmed copy in the place of its form; the forms made from that one stay as they were.

        Other weights say the same in every way in which they are asked: only where other files were changed, the copy
        is asked as it is served.
        """
        rehearsal, form = self.rehearsal, Form(copy.kind)
        measured = evaluate(self.scratch, copy, rehearsal.dataset, rehearsal.settings, split=rehearsal.split)
        evidence = rehearsal.case.forms[form]
        served = evidence.served
        if served is not None:
            served = replace(served, artifact=copy.digest)
            if isinstance(harm, FileHarm):
                served = as_served(self.scratch, copy, measured, rehearsal.dataset, harm.package)
        needed = evidence.resources and replace(evidence.resources, candidate=copy.digest)
        harmed = replace(evidence, candidate=as_of_test(measured), served=served, resources=needed)
        if evidence.altered:
            gates, split = rehearsal.case.protocol.gates, rehearsal.split
            changed = probed(self.scratch, copy, rehearsal.dataset, rehearsal.settings, gates, split)
            harmed = replace(harmed, altered={name: as_of_test(one) for name, one in changed.evaluations.items()})
        return replace(rehearsal.case, forms={**rehearsal.case.forms, form: harmed})


def mutation_score(store: Store, policy: str, reference: str, *, seed: int, test: bool = False) -> Score:
    """Plant every harm into a registered version, and see which gates of a policy notice.

    Args:
        store: where everything is kept; copies are made in its staging folder, and deleted.
        policy: its name.
        reference: MODEL@ROLE or MODEL@NUMBER.
        seed: of all chance; the same one plants the same harms.
        test: on the test split's records, not on the validation split's.

    Raises:
        InputError, IntegrityError: as `tasks.release.rehearsal.rehearse`.
    """
    with store.locked("policy-test"), store.staging("policy-test") as folder:
        found = rehearse(store, policy, reference, test=test)
        case, twin = found.case, twin_fails(found.case)
        planted: list[Planting] = []
        if not twin:
            planted += plantings(case, HARMS, seed)
            planted += Workshop(store, Store(folder), found).plantings(seed)
        own = case.served.candidate
        return Score(
            policy, case.protocol.rules, found.subject, found.split, own.records, own.groups, seed, twin, tuple(planted)
        )
