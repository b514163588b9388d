"""The OpenAPI 3.1 document of the enabled features, from which clients are generated."""

from .document import BASE, document

__all__ = ["BASE", "document"]
