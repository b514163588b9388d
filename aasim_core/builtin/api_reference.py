"""The OpenAPI document over HTTP, and the interactive reference, which is served from the package's own files."""

from collections.abc import Mapping
from functools import cached_property
from importlib.resources import files
from typing import TYPE_CHECKING, ClassVar

from ..errors import not_found
from ..http.operations import PUBLIC, Resource, operation
from ..http.request import Request, Response
from ..openapi import document
from ..text.json import to_json

if TYPE_CHECKING:
    from ..app import App

_TYPES = {
    "css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml", "html": "text/html; charset=utf-8",
}  # fmt: skip
_FILES = ("swagger-ui.css", "swagger-ui-bundle.js", "start.js", "favicon.svg")
_POLICY = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'"


class Documentation(Resource):
    """Documentation of this installation's API, for programs and for people."""

    paths: ClassVar[Mapping[str, str]] = {"": "/openapi.json", "page": "/docs", "file": "/docs/{file_name}"}

    def __init__(self, app: "App") -> None:
        self._app = app

    @cached_property
    def _document(self) -> bytes:
        return to_json(document(self._app))

    @operation(PUBLIC, plain=True, formats=("application/json",), verb="read", message="The OpenAPI document.")
    def on_get(self, req: Request, resp: Response) -> None:
        """Return the OpenAPI 3.1 document of all enabled features."""
        resp.content_type = "application/json"
        resp.data = self._document

    @operation(PUBLIC, plain=True, formats=("text/html",), message="The reference.")
    def on_get_page(self, req: Request, resp: Response) -> None:
        """Show the interactive API reference."""
        self._send(resp, "index.html")

    @operation(PUBLIC, plain=True, verb="file", formats=tuple(_TYPES.values()), message="A file of the reference.")
    def on_get_file(self, req: Request, resp: Response, file_name: str) -> None:
        """Return a file of the interactive reference."""
        if file_name not in _FILES:
            raise not_found()
        self._send(resp, file_name)
        resp.cache_control = ["public", "max-age=86400"]

    def _send(self, resp: Response, name: str) -> None:
        resp.content_type = _TYPES[name.rpartition(".")[2]]
        resp.set_header("Content-Security-Policy", _POLICY)
        resp.data = files(__package__).joinpath("reference", name).read_bytes()
