"""What lists can be asked, every order and filter that they declare, with values that are there or not; and what is asked about rights."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from aasim_core.clock import to_text
from aasim_core.http.operations import Endpoint
from aasim_core.lists.query import ListQuery
from aasim_core.schemas.formats import Email, Id, Instant
from aasim_core.schemas.scalars import Boolean, Choice, Integer, Number
from aasim_core.testing.contract.exchanges import joined, with_time

#: What no row has.
_NOTHING = "nothing-has-this"
Read = Callable[[str], Any]


@dataclass(frozen=True)
class Asked:
    """One question: its template, for the report, and the path with its query, or with the body of a POST."""

    template: str
    path: str
    query: str = ""
    body: Any = None

    @property
    def method(self) -> str:
        """How it is asked."""
        return "GET" if self.body is None else "POST"


def about_rights(user_id: str) -> list[Asked]:
    """What the user may do, and why, which is looked up from what they hold."""
    explain = {"user_id": user_id, "permission": "agents:read"}
    return [Asked("/auth/me", "/auth/me"), Asked("/permissions/explain", "/permissions/explain", body=explain)]


def lists(endpoints: Sequence[Endpoint]) -> list[Endpoint]:
    """The operations that answer with a page of what a database holds."""
    return [each for each in endpoints if each.operation.many and isinstance(each.operation.query, ListQuery)]


def addresses(endpoints: Sequence[Endpoint], read: Read) -> Iterator[tuple[Endpoint, str]]:
    """Each list with a path that the caller may ask; where it names an object, that is the oldest one that they are shown."""
    pages = lists(endpoints)
    known = {each.template for each in pages}
    parents = {each.template: each.template.rpartition("/")[0] for each in endpoints if each.template.endswith("}")}
    named = {each.rpartition("/")[2]: parent for each, parent in parents.items() if parent in known}
    queries = {each.template: each.operation.query for each in pages}

    def filled(template: str) -> str | None:
        """The template with ids; None where the caller is shown no object of such a kind."""
        path = ""
        for part in template.strip("/").split("/"):
            one = _oldest(filled(named[part]), queries[named[part]], read) if part.startswith("{") and part in named else part
            if one is None or one.startswith("{"):
                return None
            path += f"/{one}"
        return path

    for endpoint in pages:
        path = filled(endpoint.template)
        if path is not None and read(joined(path, "limit=1")) is not None:
            yield endpoint, path


def _oldest(path: str | None, declared: Any, read: Read) -> str | None:
    order = "&sort=created_at" if "created_at" in declared.parameters["sort"].words else ""
    items = (read(joined(path, f"limit=1{order}")) or []) if path else []
    return str(items[0]["id"]) if items and "id" in items[0] else None


def questions(endpoint: Endpoint, path: str, read: Read, until: datetime) -> Iterator[Asked]:
    """The first page, a long one, a total, a search, every order, and every filter, where it needs one with a time of a day."""
    declared: Any = endpoint.operation.query
    items = [*(read(joined(path, "limit=100")) or []), *(read(joined(path, f"limit=100&sort={_other_way(declared)}")) or [])]
    told = ["limit=25", "limit=100", "include=total", *(f"sort={word}" for word in declared.parameters["sort"].words)]
    told += [f"q={_NOTHING}", "q=a"] if "q" in declared.parameters else []
    for key, (name, operator, field) in declared.filters.items():
        told += [f"{key}={quote(text)}" for text in dict.fromkeys(_texts(name, operator, field, items, until))]
    yesterday = quote(to_text(until - timedelta(days=1)))
    for query in told:
        yield Asked(endpoint.template, path, with_time(declared, query, yesterday))


def _other_way(declared: Any) -> str:
    first = declared.parameters["sort"].load_default[0]
    return first.removeprefix("-") if first.startswith("-") else f"-{first}"


def _texts(name: str, operator: str, field: Any, items: Sequence[Mapping[str, Any]], until: datetime) -> list[str]:
    """The values to ask for: the most frequent and the rarest one that is shown, and one of each kind that may not be there."""
    if operator == "is_null":
        return ["true", "false"]
    there = [_text(value) for item in items if (value := _shown(item, name)) not in (None, "", [], {})]
    frequent = [text for text, _ in Counter(there).most_common()]
    chosen = [frequent[0], frequent[-1]] if frequent else []
    if operator == "entry":
        return [*([_entry(items, name)] if chosen else []), f"{_NOTHING}:1"]
    inner = getattr(field, "inner", field)
    return [*chosen, *_others(inner, until)]


def _others(field: Any, until: datetime) -> list[str]:
    if isinstance(field, Boolean):
        return ["true", "false"]
    if isinstance(field, Choice):
        return list(field.values)
    if isinstance(field, Id):
        return [f"{field.prefix or 'user'}_{'7' * 26}"]
    if isinstance(field, Email):
        return ["nobody@example.org"]
    if isinstance(field, Instant):
        return [to_text(until - timedelta(days=days)) for days in (0, 3, 29)]
    return ["987"] if isinstance(field, Integer | Number) else [_NOTHING]


def _shown(item: Mapping[str, Any], name: str) -> Any:
    """The item's value: under the filter's name, or within an object, as `actor_id` is the `id` of the `actor`."""
    outer, _, inner = name.partition("_")
    value = item.get(name)
    within = item.get(outer)
    return within.get(inner) if value is None and isinstance(within, Mapping) else value


def _text(value: Any) -> str:
    value = value[0] if isinstance(value, list) else value
    return str(value).lower() if isinstance(value, bool) else str(value)


def _entry(items: Sequence[Mapping[str, Any]], name: str) -> str:
    found = next(item[name] for item in items if item.get(name))
    return "{}:{}".format(*next(iter(found.items())))
