"""What clients get of a workflow as a document, and what they send and get where one is imported."""

from typing import Any

from marshmallow import validates

from aasim_core.schemas.fields import Boolean, Choice, Id, Integer, Json, ListOf, Object, Text, wrong
from aasim_core.schemas.schema import Schema

from ..schemas import DEFINITION, EXAMPLE, AboutIn, FaultOut, WorkflowOut

#: What a document that carries a workflow says that it is.
FORMAT = "aasim.workflow/1"
#: How much is told of an import: parts of the document, paths of what names something, reasons of each part.
MOST_PARTS, MOST_PATHS, MOST_REASONS = 1_000, 200, 20
# A definition has no room for more ids.
_MOST_REFERENCES = 20_000
_MOST_MAPPED, _LONGEST_REF = 1_000, 400
_DOCUMENT_EXAMPLE = {"format": FORMAT, "name": "Greetings", "definition": EXAMPLE}


class ExportAsked(Schema):
    """Which version of a workflow is to be exported."""

    version = Integer(1, description="The version of the definition; the current one if it is left out.")


class ReferenceOut(Schema):
    """An id in a definition, which leads to something that a document does not hold."""

    ref = Text(
        1, _LONGEST_REF, required=True, description="How the document names it.", example="agent_01h455vb4pex5vsknk084sn02q"
    )
    type = Text(1, 64, required=True, description="What it is: of an id, what stands before it.", example="agent")
    paths = ListOf(Text(max_length=400), MOST_PATHS, required=True, description="What names it.", example=["nodes.judge"])


class ExportOut(AboutIn):
    """A workflow as a document that another organization or installation can import; it has no secrets."""

    format = Text(required=True, example=FORMAT)
    definition = Json(object_only=True, required=True, example=EXAMPLE)
    references = ListOf(
        Object(ReferenceOut),
        _MOST_REFERENCES,
        required=True,
        description="The ids in the definition, for which an import has a mapping.",
    )


class DocumentIn(AboutIn):
    """A workflow as a document, as an export gives it."""

    format = Choice(FORMAT, required=True)
    definition = Json(**DEFINITION)
    references = ListOf(Object(ReferenceOut), _MOST_REFERENCES, load_default=list)


class ImportIn(Schema):
    """A document that describes a workflow, and whether to write it or only say what would become of it."""

    format = Text(
        1,
        64,
        required=True,
        description="aasim for what an export gives, serverless_workflow, or a plugin's own.",
        example="aasim",
    )
    document = Json(
        object_only=True, required=True, max_bytes=1_048_576, max_depth=31, example=_DOCUMENT_EXAMPLE,
        description="The document as JSON; what is YAML elsewhere is converted before.",
    )  # fmt: skip
    mapping = Json(
        object_only=True,
        load_default=dict,
        example={},
        description="What stands here for what the document names: texts, by their ref.",
    )
    name = Text(1, 120, description="That of the document if it is left out.")
    project_id = Id(
        "project", allow_none=True, load_default=None, description="Where the workflow is to be; null is the organization itself."
    )
    dry_run = Boolean(load_default=False, description="Only say what would become of it, with 200.")

    @validates("mapping")
    def _is_of_texts(self, value: dict[str, Any], data_key: str) -> None:
        if len(value) > _MOST_MAPPED:
            raise wrong("too_many_items", f"Map at most {_MOST_MAPPED} things.")
        if not all(isinstance(each, str) and 0 < len(each) <= _LONGEST_REF for each in value.values()):
            raise wrong("invalid_type", f"Map each ref to a text of 1 to {_LONGEST_REF} characters.")


class PartOut(Schema):
    """What became of a part of a document."""

    path = Text(max_length=400, required=True, description="Where it stands in the document.", example="/do/0/greet")
    node = Text(allow_none=True, required=True, description="The id of the node that it became.", example="greet")
    result = Choice(
        "mapped", "changed", "left_out", required=True,
        description="changed: something of it could not be brought. left_out: nothing of it could; the workflow cannot be active as it is.",
    )  # fmt: skip
    reasons = ListOf(
        Text(max_length=1_000), MOST_REASONS, required=True, description="What could not be brought, and why.", example=[]
    )


class ImportedReferenceOut(ReferenceOut):
    """Something that the document names, and what the mapping says stands for it."""

    mapped_to = Text(max_length=_LONGEST_REF, allow_none=True, required=True)


class ImportOut(Schema):
    """The imported workflow, or null for a dry run, and what became of the document."""

    workflow = Object(WorkflowOut, allow_none=True, required=True)
    definition = Json(object_only=True, required=True, example=EXAMPLE, description="What was made of the document.")
    parts = ListOf(Object(PartOut), MOST_PARTS, required=True)
    references = ListOf(Object(ImportedReferenceOut), _MOST_REFERENCES, required=True)
    faults = ListOf(Object(FaultOut), 200, required=True, description="What keeps the workflow from being active.")
