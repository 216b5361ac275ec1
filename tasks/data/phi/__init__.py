from tasks.data.phi.deidentifier import Deidentifier
from tasks.data.phi.spans import KINDS, Span

__all__ = ["KINDS", "Deidentifier", "Span"]
