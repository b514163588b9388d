"""Import: the format's importer reads the document, and the result is validated like a client's definition."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aasim_core.errors import Invalid, Problem
from aasim_core.schemas.schema import load
from aasim_core.text.suggestions import did_you_mean

from ..hookspecs import CannotImport, Imported, Mapped, WorkflowImporter
from ..models import DRAFT
from ..schemas import WorkflowIn
from ..validation import LONGEST_MESSAGE, LONGEST_PATH
from .schemas import MOST_PARTS, MOST_PATHS, MOST_REASONS

if TYPE_CHECKING:
    from aasim_core.app import App

_HOOK = "workflow_importers"
_WORKFLOW = WorkflowIn()


@dataclass(frozen=True)
class Answer:
    """What was read: the `values` of the workflow as `WorkflowIn` has them, and what became of the document, as `ImportOut` has it."""

    values: Mapping[str, Any]
    told: Mapping[str, Any]


def read(app: "App", body: Mapping[str, Any]) -> Answer:
    """Read the document of a body as `ImportIn` has it; Invalid for one that is not of its format, or a mapping that does not fit."""
    importer, mapping = _importer(app, body["format"]), body["mapping"]
    try:
        with app.offers.containing(_HOOK, importer.format):
            found = importer.read(body["document"], mapping)
            told = _told(found, mapping)
    except CannotImport as error:
        raise Invalid({f"document.{error.place}".rstrip("."): [Problem("invalid_format", error.message)]}) from error
    except Invalid as invalid:
        raise invalid.below("document") from invalid
    _refuse_strange(mapping, found)
    written = {
        "name": found.name,
        "description": found.description,
        "tags": list(found.tags),
        "definition": dict(found.definition),
    }
    try:
        values = load(_WORKFLOW, {**written, "status": DRAFT, "project_id": body["project_id"]})
    except Invalid as invalid:
        raise invalid.below("document") from invalid
    return Answer(values, told)


def _importer(app: "App", name: str) -> WorkflowImporter:
    found: WorkflowImporter | None = app.offers.here(_HOOK).get(name)
    if found is None:
        plugin, known = app.offers.off_here(_HOOK, name), sorted(app.offers.here(_HOOK))
        advice = did_you_mean(name, known) or f" Write {', '.join(known)}."
        reason = app.features.explain_off(plugin, f"the format {name}") if plugin else f"There is no format {name}.{advice}"
        raise Invalid({"format": [Problem("invalid_choice", reason)]})
    return found


def _refuse_strange(mapping: Mapping[str, str], found: Imported) -> None:
    known = [each.ref for each in found.named]
    strange = next((name for name in mapping if name not in known), None)
    if strange is not None:
        named = f" It names {', '.join(known[:20])}." if known else " It names nothing that can be mapped."
        raise Invalid(
            {"mapping": [Problem("invalid_reference", f"The document does not name {strange}.{named}"[:LONGEST_MESSAGE])]}
        )


def _told(found: Imported, mapping: Mapping[str, str]) -> Mapping[str, Any]:
    named = [
        {"ref": each.ref, "type": each.type, "paths": list(each.paths)[:MOST_PATHS], "mapped_to": mapping.get(each.ref)}
        for each in found.named
    ]
    return {"parts": [_part(each) for each in found.parts[:MOST_PARTS]], "references": named}


def _part(part: Mapped) -> Mapping[str, Any]:
    result = "left_out" if part.is_left_out else "changed" if part.reasons else "mapped"
    reasons = [reason[:LONGEST_MESSAGE] for reason in part.reasons[:MOST_REASONS]]
    return {"path": part.path[:LONGEST_PATH], "node": part.node, "result": result, "reasons": reasons}
