"""What each kind of event states: one class for each kind and version, which writes an event and reads it.

`KIND.read(event)` is what an event states, checked. A second version of a statement is a new class beside the first,
with `shape = 2`: a subclass where it says more, so that whoever reads the first understands it too. The first is never
touched: what it wrote must be read forever. No statement holds the content of a record.
"""

from tasks.lineage.statements.data import DatasetSealed, SourceFacts, SplitFacts
from tasks.lineage.statements.judging import (
    EstimateFacts,
    Evaluated,
    GateFacts,
    GatesAnswered,
    Judgement,
    JudgementBeside,
    JudgementSealed,
    Looked,
    Role,
    Screened,
    ScreenedSealed,
    SettingsFacts,
    SliceFacts,
)
from tasks.lineage.statements.policies import PolicyApproved
from tasks.lineage.statements.release import (
    Approved,
    Confirmed,
    Holder,
    NothingToDo,
    PersonDecided,
    Promoted,
    Recalled,
    Registered,
    RolledBack,
    TurnedDown,
)
from tasks.lineage.statements.reviewing import Reviewed
from tasks.lineage.statements.statement import Statement, statements
from tasks.lineage.statements.training import (
    BaseFacts,
    MethodFacts,
    ModelDerived,
    ModelMade,
    ModelTrained,
    ProtocolFixed,
    RecipeFacts,
)

__all__ = [
    "Approved",
    "BaseFacts",
    "Confirmed",
    "DatasetSealed",
    "EstimateFacts",
    "Evaluated",
    "GateFacts",
    "GatesAnswered",
    "Holder",
    "Judgement",
    "JudgementBeside",
    "JudgementSealed",
    "Looked",
    "MethodFacts",
    "ModelDerived",
    "ModelMade",
    "ModelTrained",
    "NothingToDo",
    "PersonDecided",
    "PolicyApproved",
    "Promoted",
    "ProtocolFixed",
    "Recalled",
    "RecipeFacts",
    "Registered",
    "Reviewed",
    "Role",
    "RolledBack",
    "Screened",
    "ScreenedSealed",
    "SettingsFacts",
    "SliceFacts",
    "SourceFacts",
    "SplitFacts",
    "Statement",
    "TurnedDown",
    "statements",
]
