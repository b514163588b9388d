"""Build the whole document from the operations table and the schemas."""

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..http.operations import Endpoint
from ..plugins.manifest import CORE
from ..serving.expanding import Reference
from ..version import VERSION
from .components import VERSION as OPENAPI
from .components import Components
from .describing import described
from .parameters import path_parameters, prefixes_of

if TYPE_CHECKING:
    from ..app import App

BASE = "/api/v1"
_ABOUT = "AI agents that organizations run themselves: the API of this installation, with its enabled plugins."
_CONTACT = {"name": "The operator of this installation"}
_LICENSE = {"name": "Apache-2.0", "identifier": "Apache-2.0"}
_BEARER = {
    "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
    "description": "An access token, which `POST /api/v1/auth/login` answers with (a JWT by the rules of RFC8725), or an API key.",
}  # fmt: skip
_CORE_TAG = "The installation itself: its health, its plugins, and this document."


def document(app: "App") -> dict[str, Any]:
    """Return the document: every operation of the API with its permission, parameters, bodies, examples and statuses."""
    endpoints = [endpoint for endpoint in app.endpoints if endpoint.in_api]
    named: dict[type, dict[str, str]] = defaultdict(dict)
    for word, reference in (each for endpoint in endpoints for each in _words(endpoint)):
        named[reference.holder][reference.added] = word
    components = Components({plugin.module.__name__: plugin.name for plugin in app.plugins.on}, app.error_codes, named)
    paths: dict[str, Any] = {}
    prefixes = prefixes_of(endpoints)
    for endpoint in endpoints:
        path = paths.setdefault(BASE + endpoint.template, {"parameters": path_parameters(endpoint, prefixes)})
        path[endpoint.method.lower()] = described(components, endpoint)
    return {
        "openapi": OPENAPI,
        "info": {"title": "Aasim", "version": VERSION, "description": _ABOUT, "license": _LICENSE, "contact": _contact(app)},
        "servers": [_server(app.settings.http.public_url)],
        "security": [{"bearer": []}],
        "tags": list(_tags(app, {endpoint.plugin for endpoint in endpoints})),
        "paths": paths,
        "components": {**components.finished(), "securitySchemes": {"bearer": _BEARER}},
    }


def _words(endpoint: Endpoint) -> Iterator[tuple[str, Reference]]:
    """Return the references to which ``expand`` adds names, each with its word."""
    return ((word, reference) for word, references in endpoint.references.items() for reference in references)


def _server(public_url: str) -> dict[str, Any]:
    """Return the installation's public URL from the settings, by default the document's own."""
    if public_url:
        return {"url": public_url, "description": "The production server.", "x-internal": False}
    return {"url": "/", "description": "The local server, where this document is from.", "x-internal": True}


def _contact(app: "App") -> dict[str, str]:
    url = app.settings.http.public_url
    return {**_CONTACT, "url": url} if url else _CONTACT


def _tags(app: "App", used: set[str]) -> Iterator[dict[str, str]]:
    """Return the tags of all operations, each with a sentence."""
    if CORE in used:
        yield {"name": CORE, "description": _CORE_TAG}
    yield from ({"name": plugin.name, "description": plugin.summary} for plugin in app.plugins.found if plugin.name in used)
