"""Whether an answer is what the OpenAPI document says that it is."""

from typing import TYPE_CHECKING, Any

import jsonschema_rs

from ..http.openapi import BASE, document
from .asking import Exchange, envelope_flaw

if TYPE_CHECKING:
    from ..app import App
    from ..http.operations import Endpoint

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


class Documented:
    """The document of an app, and validators of what it describes."""

    def __init__(self, app: "App") -> None:
        self.document = document(app)
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
        if endpoint.operation.plain and exchange.succeeded:
            return None
        return envelope_flaw(exchange) or self._body_flaw(endpoint, response, exchange)

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
            schema = {"$schema": _DIALECT, **self.document, "$ref": pointer}
            self._validators[pointer] = jsonschema_rs.validator_for(schema, validate_formats=True)
        return self._validators[pointer]
