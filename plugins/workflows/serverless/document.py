"""Import a whole document of the DSL."""

from collections.abc import Iterator, Mapping
from typing import Any

from ..definition import LANGUAGE
from ..hookspecs import CannotImport, Imported, WorkflowImporter
from ..validation.texts import LEAST_BYTES, MOST_BYTES
from . import calls, composite, simple, values
from .building import MOST_TASKS, Cursor, Report, Scope, State, together, transform, whole
from .lists import put_all
from .tasks import Make, Place, left_out, names_at
from .terms import NULL, NotTranslated, path

#: What makes the nodes of each kind of tasks; a task is of the first that it has a field of.
_MAKES: Mapping[str, Make] = {
    "call": calls.call, "emit": simple.emit, "for": composite.for_, "fork": composite.fork, "listen": simple.listen, "raise": simple.raise_,
    "run": simple.run, "set": simple.set_, "switch": simple.switch, "try": composite.try_, "wait": simple.wait, "do": composite.do,
}  # fmt: skip
#: What a document can say as a whole that is left out, and why.
_LEFT_OUT = {
    "/schedule": "A job flow says when a workflow runs; make one.",
    "/timeout": "A workflow as a whole has no timeout; give one to its calls.",
    "/use/secrets": "Workflows hold no secrets: make what needs them a connected app.",
    "/use/authentications": "Workflows hold no credentials: make what needs them a connected app.",
    "/use/catalogs": "Nothing is fetched: write in mapping what stands here for the functions of catalogs.",
    "/use/functions": "Functions were left out: write in mapping which tools stand here for them.",
    "/output/schema": "What the workflow gives is not checked.",
}


def _read(document: Mapping[str, Any], mapping: Mapping[str, str]) -> Imported:
    about = _about(document)
    report, scope, ends = Report(mapping), Scope(), list[Cursor]()
    use = document.get("use", {})
    place = Place(scope, report, use if isinstance(use, Mapping) else {}, _MAKES, {}, ends)
    for at, reason in _LEFT_OUT.items():
        if values.at(document, at) is not None:
            report.told(at, None, [reason])
    begin = _made(document, "/input/from", Cursor((), State(path("input"), NULL)), place)
    try:
        exits = [*put_all(document["do"], begin, place, "/do"), *ends]
    except NotTranslated as error:
        raise CannotImport(str(error), "do") from error
    output = _output(document, place, exits)
    schema = values.at(document, "/input/schema/document")
    definition = {
        "language": LANGUAGE,
        **({"input_schema": schema} if isinstance(schema, Mapping) else {}),
        "nodes": scope.nodes,
        "edges": scope.edges,
    }
    return Imported(
        _name(about), {**definition, **output}, report.parts, report.named, _text(about, "summary", 2_000), _tags(about)
    )


def _about(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the document says of itself; CannotImport for one that is none of the DSL 1.0, or too large."""
    about = document.get("document")
    dsl = about.get("dsl") if isinstance(about, Mapping) else None
    if not isinstance(about, Mapping) or not isinstance(dsl, str) or not dsl.startswith("1.0."):
        raise CannotImport(
            'This is no document of the DSL 1.0; it says so itself, as {"document": {"dsl": "1.0.3"}}.', "document.dsl"
        )
    language = values.at(document, "/evaluate/language")
    if language not in (None, "jq"):
        raise CannotImport("Only expressions of jq are translated.", "evaluate.language")
    if values.at(document, "/use/extensions"):
        raise CannotImport("Extensions are not imported; put their tasks where they belong.", "use.extensions")
    if not isinstance(document.get("do"), list) or not document["do"]:
        raise CannotImport("A workflow has a list of tasks.", "do")
    if (count := sum(1 for _ in _tasks(document))) > MOST_TASKS:
        raise CannotImport(f"There are {count} tasks, and {MOST_TASKS} is the most; split it.", "do")
    if sum(_expressions(document)) > MOST_BYTES:
        raise CannotImport(f"All expressions together are longer than {MOST_BYTES // 1024} KiB; split it.")
    return about


def _expressions(value: Any) -> Iterator[int]:
    """The length of each text that is an expression, as validation counts it."""
    if isinstance(value, str) and "${" in value:
        yield max(len(value), LEAST_BYTES)
    elif isinstance(value, Mapping | list):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from _expressions(each)


def _tasks(value: Any) -> Iterator[None]:
    """One for each task, wherever it stands: an object in a list that has one name, and an object under that."""
    if isinstance(value, Mapping):
        for each in value.values():
            yield from _tasks(each)
    for each in value if isinstance(value, list) else ():
        if isinstance(each, Mapping) and len(each) == 1 and isinstance(next(iter(each.values())), Mapping):
            yield None
        yield from _tasks(each)


def _made(document: Mapping[str, Any], at: str, after: Cursor, place: Place) -> Cursor:
    """What follows where the document says at a path what is made of the data; a placeholder for what is not translated."""
    if (written := values.at(document, at)) is None:
        return after
    name = at[1:].replace("/", "_")
    node_id = place.report.new_id(name)
    try:
        value = values.made(written, names_at(place, after.state))
    except NotTranslated as error:
        return left_out(name, node_id, after, place, at, str(error))
    return transform(place.scope, after, node_id, value)


def _output(document: Mapping[str, Any], place: Place, exits: list[Cursor]) -> dict[str, Any]:
    if not exits:
        return {}
    end = _made(document, "/output/as", together(place.scope, place.report, exits, "output"), place)
    return {"output": whole(end.state.value.value)}


def _name(about: Mapping[str, Any]) -> str:
    return _text(about, "title", 120) or _text(about, "name", 120) or "Workflow"


def _text(about: Mapping[str, Any], name: str, most: int) -> str:
    found = about.get(name)
    return found[:most].strip() if isinstance(found, str) else ""


def _tags(about: Mapping[str, Any]) -> list[str]:
    tags = about.get("tags")
    found = [f"{name}: {value}"[:50] for name, value in tags.items()] if isinstance(tags, Mapping) else []
    return list(dict.fromkeys(found))[:20]


SERVERLESS_WORKFLOW = WorkflowImporter("serverless_workflow", "A workflow of the Serverless Workflow DSL 1.0, as JSON.", _read)
