"""One function per kind of event: it collects what the event states, and records it. A flow calls each in one line."""

from tasks.lineage.recording.data import record_sealed
from tasks.lineage.recording.judging import record_evaluated, record_judged, record_looked
from tasks.lineage.recording.policies import record_policy_approved
from tasks.lineage.recording.release import (
    record_approved,
    record_confirmed,
    record_nothing_to_do,
    record_promoted,
    record_recalled,
    record_registered,
    record_rolled_back,
    record_turned_down,
)
from tasks.lineage.recording.reviewing import record_reviewed
from tasks.lineage.recording.training import record_derived, record_protocol, record_trained

__all__ = [
    "record_approved",
    "record_confirmed",
    "record_derived",
    "record_evaluated",
    "record_judged",
    "record_looked",
    "record_nothing_to_do",
    "record_policy_approved",
    "record_promoted",
    "record_protocol",
    "record_recalled",
    "record_registered",
    "record_reviewed",
    "record_rolled_back",
    "record_sealed",
    "record_trained",
    "record_turned_down",
]
