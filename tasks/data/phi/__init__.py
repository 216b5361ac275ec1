from tasks.data.phi.deidentifier import Deidentifier
from tasks.data.phi.shared.spans import KINDS, Span

__all__ = ["KINDS", "Deidentifier", "Span"]
