"""For other plugins: documents of agents, and runs of definitions without an agent."""

from typing import Any

from aasim_core.errors import Invalid
from aasim_core.schemas.schema import load

from ..engines import service as engines
from .running.runner import run_definition
from .schemas import FORMAT, DocumentIn
from .tools import refuse_bad_approvals

__all__ = ["FORMAT", "read_document", "run_definition"]

_DOCUMENT = DocumentIn()


def read_document(value: Any) -> dict[str, Any]:
    """The document that the JSON value is, typed. Invalid for what is wrong in it; which of its tools are there is not looked at."""
    document = load(_DOCUMENT, value)
    try:
        refuse_bad_approvals(document["definition"]["tools"])
        engines.refuse_bad_parameters(document["definition"]["parameters"])
    except Invalid as invalid:
        raise invalid.below("definition") from invalid
    return document
