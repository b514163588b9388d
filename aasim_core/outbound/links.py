"""Instructions in mails: open the organization's own page, if one is configured, otherwise call the API."""

import re
from collections.abc import Mapping
from typing import Literal
from urllib.parse import quote, urlsplit, urlunsplit

#: The kinds of links.
Kind = Literal["invitation", "registration", "login", "email_verification", "password_reset", "approval"]
#: The placeholders of a template.
PLACEHOLDERS = ("kind", "id", "token")
_PLACE = re.compile(r"\{([^{}]*)\}")
_PAGE = """Open this page:

  {link}
"""


def steps(template: str, kind: Kind, *, id: str, token: str = "", otherwise: str) -> str:  # noqa: A002 - the placeholder's name
    """Fill the template with the kind, the object's id and the token; without a template, return `otherwise`."""
    if not template:
        return otherwise
    return _PAGE.format(link=_filled(template, {"kind": kind, "id": id, "token": token}))


def _filled(template: str, values: Mapping[str, str]) -> str:
    """Fill the template; query parameters and a fragment whose value is empty are left out."""
    parts = urlsplit(template)
    query = "&".join(each for each in parts.query.split("&") if not _is_empty(each, values))
    fragment = "" if _is_empty(parts.fragment, values) else parts.fragment
    whole = urlunsplit(parts._replace(query=query, fragment=fragment))
    return _PLACE.sub(lambda place: quote(values[place[1]], safe=""), whole)


def _is_empty(text: str, values: Mapping[str, str]) -> bool:
    names = _PLACE.findall(text)
    return bool(names) and not any(values[name] for name in names)
