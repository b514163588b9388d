"""Compare a response with the OpenAPI document."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import jsonschema_rs

from ...openapi import BASE, document
from ...openapi.later_values import closed
from .exchanges import Exchange, envelope_flaw

if TYPE_CHECKING:
    from ...app import App
    from ...http.operations import Endpoint

#: Headers of answers that every client of HTTP handles by itself, or that say again what another header says.
_OF_HTTP = frozenset(
    (
        "allow", "cache-control", "content-length", "content-security-policy", "content-type", "vary", "x-accel-buffering",
        "x-content-type-options", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset",
    )
)  # fmt: skip
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


class Documented:
    """The document of an app, and validators of what it describes."""

    def __init__(self, app: "App") -> None:
        self.document = document(app)
        #: This release answers only what it lists.
        self._strict = closed(self.document)
        self._error_codes = app.error_codes
        self._validators: dict[str, Any] = {}

    def operation(self, endpoint: "Endpoint") -> dict[str, Any] | None:
        """What the document says about the endpoint, or None where it does not know it."""
        found: dict[str, Any] | None = self.document["paths"].get(BASE + endpoint.template, {}).get(endpoint.method.lower())
        return found

    def flaw(self, endpoint: "Endpoint", exchange: Exchange) -> str | None:
        """How the answer contradicts the document, or None."""
        described = self.operation(endpoint)
        if described is None:
            return "the document does not have the operation"
        response = described["responses"].get(str(exchange.status))
        if response is None:
            return f"the document has no status {exchange.status}, but {', '.join(described['responses'])}"
        flaw = self._header_flaw(self._resolved(response), exchange)
        if flaw or (endpoint.operation.plain and exchange.succeeded):
            return flaw
        return envelope_flaw(exchange, self._error_codes) or self._body_flaw(endpoint, response, exchange)

    def default_in_patch(self, endpoint: "Endpoint") -> str | None:
        """Where the body of the endpoint, with the objects within, has a default or a required field; None where it has none.

        A client that is generated from it would send what nobody wrote.
        """
        described = self.operation(endpoint) or {}
        content = described.get("requestBody", {}).get("content", {})
        return next(self._prescribed(content["application/json"]["schema"], "the body"), None) if content else None

    def _prescribed(self, schema: dict[str, Any], place: str) -> Iterator[str]:
        for part in (schema, *schema.get("anyOf", ())):
            whole = self._resolved(part)
            if "default" in whole or whole.get("required"):
                yield place
            for name, inner in whole.get("properties", {}).items():
                yield from self._prescribed(inner, f"{place}.{name}")

    def _resolved(self, part: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in part:
            found: Any = self.document
            for name in part["$ref"].removeprefix("#/").split("/"):
                found = found[name]
            part = found
        return part

    def _header_flaw(self, response: dict[str, Any], exchange: Exchange) -> str | None:
        declared = {name.lower(): self._resolved(header) for name, header in response.get("headers", {}).items()}
        missing = [name for name, header in declared.items() if header.get("required") and name not in exchange.headers]
        if missing:
            return f"the answer lacks the header {missing[0]}, which the document promises"
        silent = [name for name in exchange.headers if name not in declared and name not in _OF_HTTP]
        return f"the document does not have the header {silent[0]}" if silent else None

    def _body_flaw(self, endpoint: "Endpoint", response: dict[str, Any], exchange: Exchange) -> str | None:
        place = f"{BASE}{endpoint.template}".replace("/", "~1").replace("{", "%7B").replace("}", "%7D")
        where = f"#/paths/{place}/{endpoint.method.lower()}/responses/{exchange.status}"
        pointer = f"{response.get('$ref', where)}/content/application~1json/schema"
        for error in self._validator(pointer).iter_errors(exchange.body):
            path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.instance_path)
            return f"the body does not meet the document's schema at {path or 'the top'}: {error.message}"
        return None

    def _validator(self, pointer: str) -> Any:
        if pointer not in self._validators:
            schema = {"$schema": _DIALECT, **self._strict, "$ref": pointer}
            self._validators[pointer] = jsonschema_rs.validator_for(schema, validate_formats=True)
        return self._validators[pointer]
