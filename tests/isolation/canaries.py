"""Texts that nobody else may see: putting them into every field of a body, and finding them in an answer, however they are wrapped."""

import base64
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from marshmallow import Schema

from aasim_core.schemas.fields import Email, Json, ListOf, Object, Secret, Slug, Text, Url
from aasim_core.testing.contract.exchanges import Exchange

_WRAPPED = re.compile(rb"[A-Za-z0-9_+/-]{24,}={0,2}")
_REFUSAL = "core.permission_denied"
_AN_ID = re.compile(r"[a-z][a-z_]{0,61}[a-z]_[0-7][0-9a-hjkmnp-tv-z]{25}")


def filled(schema: Schema, mark: str) -> dict[str, Any]:
    """A value with the mark in it for every field of the schema that can hold a text."""
    values = {name: _value(field, f"{mark}-{name.replace('_', '-')}") for name, field in schema.load_fields.items()}
    return {name: value for name, value in values.items() if value is not None}


def _value(field: Any, text: str) -> Any:
    if isinstance(field, Object):
        return filled(field.schema, text) or None
    if isinstance(field, ListOf):
        item = _value(field.inner, text)
        return None if item is None else [item]
    if isinstance(field, Json):
        return {"description": text}
    if isinstance(field, Email):
        return f"{text}@example.org"
    if isinstance(field, Url):
        return f"https://{text}.example.org/"
    # Every other subclass of Text has a form of its own.
    holds_any = type(field) in (Text, Secret, Slug) and len(text) <= field.max_length
    return text if holds_any else None


def marks_in(exchange: Exchange, marks: Iterable[str]) -> list[str]:
    """Those of the marks that the answer has, in its body or headers, plainly or in base64."""
    heard = b"\n".join([exchange.content, *(f"{name}: {value}".encode() for name, value in exchange.headers.items())])
    whole = heard + b"\n" + b"\n".join(_unwrapped(heard))
    return [mark for mark in marks if mark.encode() in whole]


def ids_in(exchange: Exchange) -> set[str]:
    """Every id in the answer's body and headers."""
    return set(_AN_ID.findall(exchange.content.decode(errors="replace") + str(dict(exchange.headers))))


def tried_in(exchange: Exchange) -> set[str]:
    """The ids in what a log tells of that its readers themselves asked for, and were refused: in a page's items, or an export's lines."""
    body = exchange.body
    if isinstance(body, dict):
        data = body.get("data") if isinstance(body.get("data"), dict) else {}
        entries = [json.dumps(entry) for entry in (data, *data.get("items", ())) if entry.get("action") == _REFUSAL]
    else:
        entries = [line for line in exchange.content.decode(errors="replace").splitlines()[1:] if _REFUSAL in line]
    return {found for entry in entries for found in _AN_ID.findall(entry)}


def _unwrapped(heard: bytes) -> list[bytes]:
    """What the long words are in base64; a cursor, for one, holds the values by which a list is sorted."""
    found = []
    for word in _WRAPPED.findall(heard):
        text = word.replace(b"-", b"+").replace(b"_", b"/").rstrip(b"=")
        found.append(base64.b64decode(text + b"=" * (-len(text) % 4)) if len(text) % 4 != 1 else b"")
    return found


def without_refused(body: Mapping[str, Any], refused: Iterable[str], otherwise: Mapping[str, Any]) -> dict[str, Any]:
    """The body with the refused fields (by the paths of an answer) as they are in `otherwise`, or left out."""
    names = {re.split(r"[.\[]", path)[0] for path in refused}
    return {name: value for name, value in body.items() if name not in names} | {n: otherwise[n] for n in names if n in otherwise}
