"""What a mail asks its reader to do: open the organization's own page, where one is configured, or else call the API."""

import re
from collections.abc import Mapping
from typing import Literal
from urllib.parse import quote, urlsplit, urlunsplit

#: What a page of links is about.
Kind = Literal["invitation", "registration", "login", "email_verification", "password_reset", "approval"]
#: What a template may hold, each in braces.
PLACEHOLDERS = ("kind", "id", "token")
_PLACE = re.compile(r"\{([^{}]*)\}")
_PAGE = """Open this page:

  {link}
"""


def steps(template: str, kind: Kind, *, id: str, token: str = "", otherwise: str) -> str:  # noqa: A002 - the placeholder's name
    """The link that the template makes of the kind, the id of the object and the token; without a template, `otherwise`."""
    if not template:
        return otherwise
    return _PAGE.format(link=_filled(template, {"kind": kind, "id": id, "token": token}))


def _filled(template: str, values: Mapping[str, str]) -> str:
    """The template with the values; parameters of the query, and a fragment, whose value is empty are left out."""
    parts = urlsplit(template)
    query = "&".join(each for each in parts.query.split("&") if not _is_empty(each, values))
    fragment = "" if _is_empty(parts.fragment, values) else parts.fragment
    whole = urlunsplit(parts._replace(query=query, fragment=fragment))
    return _PLACE.sub(lambda place: quote(values[place[1]], safe=""), whole)


def _is_empty(text: str, values: Mapping[str, str]) -> bool:
    names = _PLACE.findall(text)
    return bool(names) and not any(values[name] for name in names)
