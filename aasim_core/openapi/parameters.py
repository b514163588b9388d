"""The parameters of an operation: path, query string and headers."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from marshmallow import Schema

from ..http.operations import Endpoint
from ..lists.query import Parameters, Sort
from ..schemas.formats import example_id
from ..schemas.schema import PaginationOut
from .components import Components, Use, plain
from .headers import REQUEST, sent_with

#: Lists sorted by at most this many fields share one component per set of fields.
_FEW_TO_SORT_BY = 3
#: Parameters whose words are no values of a field.
_OF_LISTS = ("expand", "fields", "include", "sort")
_KEY = {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"}


def prefixes_of(endpoints: Iterable[Endpoint]) -> Mapping[str, str]:
    """Return the id prefixes of path parameters, by name: taken from the collections' own paths."""
    found: dict[str, str] = {}
    for endpoint in endpoints:
        record, template = getattr(endpoint.resource, "record", None), endpoint.resource.paths.get("one", "")
        if record is not None and template.endswith("}"):
            found[template.rpartition("{")[2][:-1]] = record._meta.id_prefix
    return found


def path_parameters(endpoint: Endpoint, prefixes: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the path parameters; the format of an id is given only as an example, since any other text is answered like an unknown id."""
    return [_path_parameter(name, prefixes) for name in endpoint.path_ids]


def _path_parameter(name: str, prefixes: Mapping[str, str]) -> dict[str, Any]:
    example = (
        example_id(prefixes.get(name) or name.removesuffix("_id")) if name.endswith("_id") else "1" if name == "number" else ""
    )
    schema: dict[str, Any] = {"type": "string", "maxLength": 200} | ({"examples": [example]} if example else {})
    return {"name": name, "in": "path", "required": True, "schema": schema}


def parameters(components: Components, endpoint: Endpoint) -> Iterator[dict[str, Any]]:
    """Return the query parameters and headers."""
    declared = endpoint.query
    if isinstance(declared, Parameters):
        fields, kind = declared.parameters, type(endpoint.reply)
    elif isinstance(declared, Schema):
        fields, kind = declared.load_fields, type(declared)  # type: ignore[assignment]
    else:
        fields, kind = {}, Schema
    yield from (_query_parameter(components, name, field, kind) for name, field in fields.items())
    if endpoint.method == "POST":
        yield components.refer("parameters", *_idempotency_key(endpoint.operation.keep_seconds))
    yield from (components.refer("parameters", _header(*REQUEST[name]), name) for name in sent_with(endpoint))
    for name, text in endpoint.operation.headers.items():
        yield _header(name, {"type": "string", "maxLength": 200}, text)


def _query_parameter(components: Components, name: str, field: Any, kind: type) -> dict[str, Any]:
    words = {"fields": "field"}.get(name, name.partition("[")[0])
    if name == "include":
        kind = PaginationOut
    if isinstance(field, Sort) and len(field.names) <= _FEW_TO_SORT_BY:
        kind, words = PaginationOut, "_".join(("sort_by", *field.names))
    schema = components.field(field, Use.WORDS if name in _OF_LISTS else Use.QUERY, kind, words)
    if name in _OF_LISTS:
        schema["description"] += f" One or more of {', '.join(f'`{word}`' for word in field.inner.values)}."
    if isinstance(field, Sort):
        schema["examples"] = [list(field.load_default)]
    parameter = {"name": name, "in": "query", "required": field.required, "schema": schema}
    if text := schema.pop("description", ""):
        parameter["description"] = plain(text)
    return parameter | ({"style": "form", "explode": False} if schema.get("type") == "array" else {})


def _header(name: str, schema: Mapping[str, Any], text: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": False, "schema": dict(schema), "description": text}


def _idempotency_key(keep_seconds: int) -> tuple[dict[str, Any], str]:
    kept = f"{keep_seconds // 3600} hours" if keep_seconds >= 3600 else f"{keep_seconds} seconds"
    text = (
        "A key that you generate, such as a UUID. A retry with the same key returns the first response and has no further effect. "
        f"It is stored for {kept}."
    )
    name = "IdempotencyKey" if keep_seconds == 86_400 else f"IdempotencyKeyFor{keep_seconds}Seconds"
    return _header("Idempotency-Key", {**_KEY, "examples": ["5f2b6c1e-9d7a-4c39-8a55-0f6f3f0e9b11"]}, text), name
