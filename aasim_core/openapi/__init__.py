"""The OpenAPI 3.1 document of what is on: the contract of the clients that are generated from it."""

from .document import BASE, document

__all__ = ["BASE", "document"]
