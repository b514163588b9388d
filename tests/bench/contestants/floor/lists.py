"""The floor of the lists of users, projects and activities: by hand, in the product's own tables, so that both read the same rows."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import orjson

from .web import STORE, Environ, StartResponse, opened, principal, sealed, sent

_USER = (
    "id", "organization_id", "version", "created_at", "updated_at", "email", "name", "status", "kind", "branch_id", "department_id",
    "manager_id", "timezone", "locale", "last_login_at", "email_verified_at",
)  # fmt: skip
_PROJECT = (
    "id", "organization_id", "version", "created_at", "updated_at", "name", "key", "description", "status", "lead_id", "branch_id",
    "department_id", "tags", "budget",
)  # fmt: skip
_EVENT = (
    "id", "organization_id", "at", "actor_type", "actor_id", "actor_label", "actor_ip", "name", "subject_type", "subject_id",
    "subject_label", "subject_revision", "outcome", "changes", "data", "request_id",
)  # fmt: skip
_ENTRY = ("sequence", "hash", "previous_hash", "version", "salt", "erased")
_ACTIVITIES = (
    f"SELECT {', '.join([*(f'v.{name}' for name in _EVENT), *(f'e.{name}' for name in _ENTRY)])}"
    " FROM core_event v LEFT JOIN core_event_entry e ON e.event_id = v.id"
)
_MEMBERS = (
    "SELECT m.user_id, m.organization_id, m.version + COALESCE(u.version, 0), m.created_at,"
    " CASE WHEN m.updated_at < COALESCE(u.updated_at, i.updated_at) THEN COALESCE(u.updated_at, i.updated_at) ELSE m.updated_at END,"
    " COALESCE(u.email, i.email), COALESCE(u.name, i.name), m.status, COALESCE(u.kind, 'person'), m.branch_id, m.department_id,"
    " m.manager_id, COALESCE(u.timezone, i.timezone), COALESCE(u.locale, i.locale), u.last_login_at, u.email_verified_at"
    " FROM core_membership m LEFT JOIN core_user u ON u.id = m.user_id"
    " LEFT JOIN core_invitation i ON i.user_id = m.user_id AND i.organization_id = m.organization_id"
)


def _json(value: str | None) -> Any:
    return None if value is None else orjson.Fragment(value)


def _user(row: Sequence[Any]) -> dict[str, Any]:
    return dict(zip(_USER, row, strict=True))


def _project(row: Sequence[Any]) -> dict[str, Any]:
    item = dict(zip(_PROJECT, row, strict=True))
    return {**item, "tags": _json(item["tags"]), "budget": _json(item["budget"])}


def _activity(row: Sequence[Any]) -> dict[str, Any]:
    event = dict(zip((*_EVENT, *_ENTRY), row, strict=True))
    return {
        **{name: event[name] for name in ("id", "organization_id", "sequence")},
        "occurred_at": event["at"],
        "actor": {name: event[f"actor_{name}"] for name in ("type", "id", "label", "ip")},
        "action": event["name"],
        "subject": {name: event[f"subject_{name}"] for name in ("type", "id", "label")},
        "subject_revision": event["subject_revision"],
        "outcome": event["outcome"],
        "changes": _json(event["changes"]),
        "data": _json(event["data"]),
        **{name: event[name] for name in ("request_id", "hash", "previous_hash")},
        "hash_version": event["version"],
        "salt": event["salt"],
        "erased": _json(event["erased"]),
    }


class _Listed(NamedTuple):
    """The statements of a list, what makes an object of a row, and the field that it is sorted by."""

    first: str
    after: str
    shown: Callable[[Sequence[Any]], dict[str, Any]]
    moment: str


def _listed(select: str, organization: str, key: tuple[str, str], shown: Callable[[Sequence[Any]], dict[str, Any]]) -> _Listed:
    moment, row_id = key
    where, order = f"{select} WHERE {organization} = ?", f"ORDER BY {moment} DESC, {row_id} DESC LIMIT ?"
    behind = f"{where} AND ({moment}, {row_id}) < (?, ?)"
    return _Listed(STORE.prepare(f"{where} {order}"), STORE.prepare(f"{behind} {order}"), shown, moment.rpartition(".")[2])


LISTS = {
    "users": _listed(_MEMBERS, "m.organization_id", ("m.created_at", "m.user_id"), _user),
    "projects": _listed(f"SELECT {', '.join(_PROJECT)} FROM projects_project", "organization_id", ("created_at", "id"), _project),
    "activities": _listed(_ACTIVITIES, "v.organization_id", ("v.at", "v.id"), _activity)._replace(moment="occurred_at"),
}


def answered(environ: Environ) -> tuple[str, dict[str, Any], list[tuple[str, str]]]:
    """A page of the list that the path names, newest first, by keyset."""
    name = environ["PATH_INFO"].removeprefix("/api/v1/")
    _, organization = principal(environ, f"{name}:read")
    query, listed = dict(parse_qsl(environ["QUERY_STRING"])), LISTS[name]
    limit = int(query.get("limit", 25))
    if "cursor" in query:
        rows = STORE.rows(listed.after, (organization, *opened(query["cursor"], organization), limit + 1))
    else:
        rows = STORE.rows(listed.first, (organization, limit + 1))
    items = [listed.shown(row) for row in rows[:limit]]
    more = len(rows) > limit
    cursor = sealed(items[-1][listed.moment], items[-1]["id"], organization) if more else None
    pagination = {"limit": limit, "next_cursor": cursor, "prev_cursor": None, "has_more": more}
    return "200 OK", {"success": True, "data": {"items": items, "pagination": pagination}, "message": "OK"}, []


def application(environ: Environ, start_response: StartResponse) -> list[bytes]:
    """The WSGI application."""
    return sent(answered, environ, start_response)
