"""Export and import of workflows as documents, also of other formats."""

from .importing import Answer, read
from .own import OWN, export

__all__ = ["OWN", "Answer", "export", "read"]
