"""Workflows as documents: exported for other installations, and imported from those and from other formats."""

from .importing import Answer, read
from .own import OWN, export

__all__ = ["OWN", "Answer", "export", "read"]
