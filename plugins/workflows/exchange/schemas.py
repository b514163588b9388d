"""Requests and responses of export and import."""

from typing import Any

from marshmallow import validates

from aasim_core.schemas.fields import Boolean, Choice, Id, Integer, Json, ListOf, Object, Text, wrong
from aasim_core.schemas.schema import Schema

from ..schemas import DEFINITION, EXAMPLE, AboutIn, FaultOut, WorkflowOut

#: The format identifier of an exported workflow.
FORMAT = "aasim.workflow/1"
#: Limits of an import's report: parts of the document, paths of references, reasons per part.
MOST_PARTS, MOST_PATHS, MOST_REASONS = 1_000, 200, 20
# A definition cannot contain more ids.
_MOST_REFERENCES = 20_000
_MOST_MAPPED, _LONGEST_REF = 1_000, 400
_DOCUMENT_EXAMPLE = {"format": FORMAT, "name": "Greetings", "definition": EXAMPLE}


class ExportAsked(Schema):
    """The version of a workflow to export."""

    version = Integer(1, description="The version of the definition; the current one by default.")


class ReferenceOut(Schema):
    """An id in a definition of an object outside the document."""

    ref = Text(
        1, _LONGEST_REF, required=True, description="Its name in the document.", example="agent_01h455vb4pex5vsknk084sn02q"
    )
    type = Text(1, 64, required=True, description="Its type: the prefix of the id.", example="agent")
    paths = ListOf(Text(max_length=400), MOST_PATHS, required=True, description="What names it.", example=["nodes.judge"])


class ExportOut(AboutIn):
    """A workflow as a document for import into another organization or installation, without secrets."""

    format = Text(required=True, example=FORMAT)
    definition = Json(object_only=True, required=True, example=EXAMPLE)
    references = ListOf(
        Object(ReferenceOut),
        _MOST_REFERENCES,
        required=True,
        description="The ids in the definition, for which an import has a mapping.",
    )


class DocumentIn(AboutIn):
    """A workflow as an exported document."""

    format = Choice(FORMAT, required=True)
    definition = Json(**DEFINITION)
    references = ListOf(Object(ReferenceOut), _MOST_REFERENCES, load_default=list)


class ImportIn(Schema):
    """A document that describes a workflow, and whether to import it or only report the result."""

    format = Text(
        1,
        64,
        required=True,
        description="aasim for an exported document, serverless_workflow, or a plugin's own.",
        example="aasim",
    )
    document = Json(
        object_only=True, required=True, max_bytes=1_048_576, max_depth=31, example=_DOCUMENT_EXAMPLE,
        description="The document as JSON; convert YAML before.",
    )  # fmt: skip
    mapping = Json(
        object_only=True,
        load_default=dict,
        example={},
        description="Local counterparts of the document's references: texts, by ref.",
    )
    name = Text(1, 120, description="By default the document's own.")
    project_id = Id(
        "project", allow_none=True, load_default=None, description="The workflow's project; null is the organization itself."
    )
    dry_run = Boolean(load_default=False, description="Only report the result, with 200.")

    @validates("mapping")
    def _is_of_texts(self, value: dict[str, Any], data_key: str) -> None:
        if len(value) > _MOST_MAPPED:
            raise wrong("too_many_items", f"Map at most {_MOST_MAPPED} things.")
        if not all(isinstance(each, str) and 0 < len(each) <= _LONGEST_REF for each in value.values()):
            raise wrong("invalid_type", f"Map each ref to a text of 1 to {_LONGEST_REF} characters.")


class PartOut(Schema):
    """The result for a part of a document."""

    path = Text(max_length=400, required=True, description="Its location in the document.", example="/do/0/greet")
    node = Text(allow_none=True, required=True, description="The id of the node made from it.", example="greet")
    result = Choice(
        "mapped", "changed", "left_out", required=True,
        description="changed: something in it could not be imported. left_out: nothing could; the workflow cannot be activated as it is.",
    )  # fmt: skip
    reasons = ListOf(
        Text(max_length=1_000), MOST_REASONS, required=True, description="What could not be imported, and why.", example=[]
    )


class ImportedReferenceOut(ReferenceOut):
    """A reference in the document, and its mapping."""

    mapped_to = Text(max_length=_LONGEST_REF, allow_none=True, required=True)


class ImportOut(Schema):
    """The imported workflow, or null for a dry run, and the result for the document."""

    workflow = Object(WorkflowOut, allow_none=True, required=True)
    definition = Json(object_only=True, required=True, example=EXAMPLE, description="The definition made from the document.")
    parts = ListOf(Object(PartOut), MOST_PARTS, required=True)
    references = ListOf(Object(ImportedReferenceOut), _MOST_REFERENCES, required=True)
    faults = ListOf(Object(FaultOut), 200, required=True, description="Faults that prevent activation.")
