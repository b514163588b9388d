"""The project's own document format: a definition, and the ids in it that belong to the exporting installation."""

from collections.abc import Mapping
from typing import Any

from aasim_core.ids import is_id
from aasim_core.schemas.schema import load

from ..hookspecs import CannotImport, Imported, Mapped, Named, WorkflowImporter
from ..models import Workflow
from ..validation import tree
from .references import references, replaced
from .schemas import FORMAT, MOST_PATHS, DocumentIn

_DOCUMENT = DocumentIn()


def export(workflow: Workflow, definition: Mapping[str, Any]) -> dict[str, Any]:
    """The workflow with one of its definitions as a document, without secrets, and with its ids listed as `references`."""
    return {
        "format": FORMAT,
        "name": workflow.name,
        "description": workflow.description,
        "tags": workflow.tags,
        "definition": dict(definition),
        "references": [{"ref": each.ref, "type": each.type, "paths": each.paths[:MOST_PATHS]} for each in references(definition)],
    }


def _read(document: Mapping[str, Any], mapping: Mapping[str, str]) -> Imported:
    found = load(_DOCUMENT, document)
    named = references(found["definition"])
    for each in named:
        if not is_id(mapping.get(each.ref, each.ref), each.type):
            raise CannotImport(f"{each.ref} can be mapped to another id that begins with {each.type}_ only.")
    definition = replaced(found["definition"], mapping)
    parts = [_mapped(node, named, mapping) for scope in tree.read(definition).within() for node in scope.nodes]
    return Imported(found["name"], definition, parts, named, found["description"], found["tags"])


def _mapped(node: tree.Node, named: list[Named], mapping: Mapping[str, str]) -> Mapped:
    missing = [each.ref for each in named if node.path in each.paths and each.ref not in mapping]
    reasons = [
        f"It names {ref}. Unless that is of this organization, write in mapping what stands for it here." for ref in missing
    ]
    return Mapped(node.path, node.id or None, reasons)


OWN = WorkflowImporter("aasim", "What GET /workflows/{workflow_id}/export gives.", _read)
