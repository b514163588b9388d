"""What a client of one OpenAPI document, or who reads events, would miss in a later one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aasim_core.openapi.later_values import closed

_AT_MOST = ("maxLength", "maximum", "maxItems")
_AT_LEAST = ("minLength", "minimum", "minItems")
_METHODS = frozenset({"get", "post", "put", "patch", "delete"})
_EDITABLE = "^(?:/(?:%s)(?:/(?:[^~/]|~[01])*)*)$"
#: Patterns that were made to take more, by what they were: prefixes of ids of plugins from elsewhere have underscores, and what can be
#: edited may stand in a payload.
_WIDENED = {
    "^[a-z]{2,12}_[0-7][0-9a-hjkmnp-tv-z]{25}$": "^[a-z][a-z_]{0,61}[a-z]_[0-7][0-9a-hjkmnp-tv-z]{25}$",
    _EDITABLE % "arguments|output": _EDITABLE % "arguments|output|payload",
}
Document = Mapping[str, Any]


def narrowings(before: Document, after: Document) -> list[str]:
    """A sentence for each thing that `before` promises and `after` does not."""
    return list(dict.fromkeys(_Comparison(closed(before), closed(after)).paths()))


def broken_events(before: Sequence[Document], after: Sequence[Document]) -> list[str]:
    """A sentence for each thing that a type of event in `before` promises of its data, and in `after` does not in the same version."""
    current = {event["name"]: event for event in after}
    return [sentence for old in before for sentence in _broken_event(old, current.get(old["name"]))]


def _broken_event(old: Document, new: Document | None) -> Iterator[str]:
    name, version = old["name"], old["version"]
    if new is None:
        yield f"{name} is gone"
    elif new["version"] < version:
        yield f"{name} is version {new['version']}, and was {version}"
    elif new["version"] == version:
        for sentence in _Comparison({}, {}).schema("data", old["data_schema"], new["data_schema"], sent=False):
            yield f"{name}: {sentence}; give it version={version + 1}"


@dataclass(frozen=True)
class _Comparison:
    """Two documents; what clients send must not be accepted less, what they get must not be answered otherwise."""

    before: Document
    after: Document

    def paths(self) -> Iterator[str]:
        for path, old in self.before["paths"].items():
            new = self.after["paths"].get(path)
            if new is None:
                yield f"{path} is gone"
                continue
            for method in old.keys() & _METHODS:
                place = f"{method.upper()} {path}"
                if method in new:
                    pair = _with_parameters(self.before, old, method), _with_parameters(self.after, new, method)
                    yield from self._operation(place, *pair)
                else:
                    yield f"{place} is gone"

    def _operation(self, place: str, old: Document, new: Document) -> Iterator[str]:
        if old["operationId"] != new["operationId"]:
            yield f"{place}: the operation is called {new['operationId']} and no more {old['operationId']}"
        if old.get("security") == [] and new.get("security") != []:
            yield f"{place}: needs a credential now"
        yield from self._parameters(place, old, new)
        yield from self._body(place, old, new)
        for status, answer in old["responses"].items():
            if status in new["responses"]:
                yield from self._contents(f"{place}: {status}", answer, new["responses"][status], sent=False)
            else:
                yield f"{place}: the status {status} is gone"

    def _parameters(self, place: str, old: Document, new: Document) -> Iterator[str]:
        before, after = ({(p["in"], p["name"]): p for p in operation["parameters"]} for operation in (old, new))
        for (kind, name), parameter in before.items():
            if (kind, name) in after:
                yield from self.schema(f"{place}: {name}", parameter["schema"], after[kind, name]["schema"], sent=True)
            else:
                yield f"{place}: the parameter {name} is gone"
        needed = {key for key, parameter in after.items() if parameter.get("required")}
        for key in sorted(needed - {key for key, parameter in before.items() if parameter.get("required")}):
            yield f"{place}: the parameter {key[1]} is required now"

    def _body(self, place: str, old: Document, new: Document) -> Iterator[str]:
        if "requestBody" not in old:
            if new.get("requestBody", {}).get("required"):
                yield f"{place}: a body is required now"
        elif "requestBody" not in new:
            yield f"{place}: the body is gone"
        else:
            yield from self._contents(f"{place}: the body", old["requestBody"], new["requestBody"], sent=True)

    def _contents(self, place: str, old: Document, new: Document, *, sent: bool) -> Iterator[str]:
        before, after = (whole.get("content", {}) for whole in (_resolved(self.before, old), _resolved(self.after, new)))
        for kind, content in before.items():
            if kind in after:
                yield from self.schema(place, content["schema"], after[kind]["schema"], sent=sent)
            else:
                yield f"{place}: {kind} is gone"

    def schema(self, place: str, old: Document, new: Document, *, sent: bool) -> Iterator[str]:
        """What is narrower in the schema `new` of a value that clients send (or else get)."""
        olds, news = _alternatives(_resolved(self.before, old)), _alternatives(_resolved(self.after, new))
        if len(olds) == len(news) == 1:
            yield from self._one(place, _resolved(self.before, olds[0]), _resolved(self.after, news[0]), sent=sent)
            return
        # What clients sent must fit somewhere in the new schema; what they get, somewhere in the old one.
        for one in olds if sent else news:
            pairs = [(one, other) if sent else (other, one) for other in (news if sent else olds)]
            yield from min((list(self.schema(place, *pair, sent=sent)) for pair in pairs), key=len)

    def _one(self, place: str, old: Document, new: Document, *, sent: bool) -> Iterator[str]:
        yield from _types(place, old, new, sent=sent)
        yield from _values(place, old, new, sent=sent)
        if sent:
            yield from _bounds(place, old, new)
        yield from self._properties(place, old, new, sent=sent)
        if "items" in old and "items" in new:
            yield from self.schema(f"{place}[]", old["items"], new["items"], sent=sent)
        if isinstance(old.get("additionalProperties"), dict) and isinstance(new.get("additionalProperties"), dict):
            yield from self.schema(f"{place}.*", old["additionalProperties"], new["additionalProperties"], sent=sent)

    def _properties(self, place: str, old: Document, new: Document, *, sent: bool) -> Iterator[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        for name, schema in before.items():
            if name in after:
                yield from self.schema(f"{place}.{name}", schema, after[name], sent=sent)
            else:
                yield f"{place}.{name} is gone"
        needed_before, needed_after = set(old.get("required", ())), set(new.get("required", ()))
        if sent:
            yield from (f"{place}.{name} is required now" for name in sorted(needed_after - needed_before))
        else:
            yield from (f"{place}.{name} may be missing now" for name in sorted((needed_before - needed_after) & after.keys()))


def _with_parameters(document: Document, path: Document, method: str) -> dict[str, Any]:
    operation = path[method]
    parameters = (*path.get("parameters", ()), *operation.get("parameters", ()))
    return {**operation, "parameters": [_resolved(document, parameter) for parameter in parameters]}


def _resolved(document: Document, part: Document) -> Any:
    while "$ref" in part:
        found: Any = document
        for name in part["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        part = found
    return part


def _alternatives(schema: Document) -> list[Document]:
    return list(schema.get("anyOf", [schema]))


def _types(place: str, old: Document, new: Document, *, sent: bool) -> Iterator[str]:
    before, after = _types_of(old), _types_of(new)
    if sent and after and not before <= after:
        yield f"{place} may be no {' or '.join(sorted(before - after)) or 'other type'} any more"
    if not sent and before and not (after and after <= before):
        yield f"{place} may be {' or '.join(sorted(after - before)) or 'of any type'} now"
    if sent and after and not before:
        yield f"{place} must be {' or '.join(sorted(after))} now"


def _types_of(schema: Document) -> set[str]:
    found = "string" if "oneOf" in schema else schema.get("type", [])
    types = {found} if isinstance(found, str) else set(found)
    return types | {"integer"} if "number" in types else types


def _values(place: str, old: Document, new: Document, *, sent: bool) -> Iterator[str]:
    before, after = _values_of(old), _values_of(new)
    if before is None:
        if after is not None and sent:
            yield f"{place} may only be one of {after} now"
    elif after is not None:
        yield from (f"{place}: the value {value!r} is gone" for value in before if value not in after)


def _values_of(schema: Document) -> list[Any] | None:
    """The values that are listed: those of ``enum``, or constants, of which one holds."""
    if "oneOf" in schema:
        return [one["const"] for one in schema["oneOf"]]
    if "const" in schema:
        return [schema["const"]]
    found: list[Any] | None = schema.get("enum")
    return found


def _bounds(place: str, old: Document, new: Document) -> Iterator[str]:
    for name in new.keys() & {*_AT_MOST, *_AT_LEAST, "pattern", "format"}:
        if _is_narrower(name, old.get(name), new[name]):
            yield f"{place}: {name} is {new[name]} and was {old.get(name, 'free')}"
    if new.get("additionalProperties") is False and old.get("additionalProperties", True) is not False:
        yield f"{place} may hold nothing else any more"


def _is_narrower(name: str, old: Any, new: Any) -> bool:
    if name in _AT_MOST:
        return old is None or bool(new < old)
    if name in _AT_LEAST:
        return bool(new > old) if old is not None else name == "minimum" or new > 0
    return bool(new not in (old, _WIDENED.get(old, old)))
