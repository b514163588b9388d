"""The shared terms of the contract suite: the operations under test, and its messages."""

from collections.abc import Callable
from typing import Any, TypeVar

from marshmallow import Schema

from ...http.operations import Endpoint
from ...lists.query import ListQuery
from ...plugins.registry import Found
from ..world import Client

Test = TypeVar("Test", bound=Callable[..., None])


def for_each(concerns: Callable[[Endpoint], bool]) -> Callable[[Test], Test]:
    """Run the test once for each operation that `concerns` says yes to; the test gets it as `endpoint`."""

    def mark(test: Test) -> Test:
        test.concerns = lambda endpoint: endpoint.in_api and concerns(endpoint)  # type: ignore[attr-defined]
        return test

    return mark


def for_each_beside(concerns: Callable[[Endpoint], bool]) -> Callable[[Test], Test]:
    """The same for operations of other protocols than the API's; the test gets each as `route`."""

    def mark(test: Test) -> Test:
        test.concerns = lambda endpoint: not endpoint.in_api and concerns(endpoint)  # type: ignore[attr-defined]
        return test

    return mark


def provided(suits: Callable[[Found], bool]) -> Callable[[Test], Test]:
    """Run the test only for a plugin that `suits` says yes to."""

    def mark(test: Test) -> Test:
        test.suits = (*getattr(test, "suits", ()), suits)  # type: ignore[attr-defined]
        return test

    return mark


def any_operation(endpoint: Endpoint) -> bool:
    """All of them."""
    return True


def knows_its_parameters(endpoint: Endpoint) -> bool:
    """Those that no other system adds parameters to."""
    return not getattr(endpoint.query, "tolerant", False)


def deletes_referenced(endpoint: Endpoint) -> bool:
    """Those that delete an object that other records may name."""
    resource: Any = endpoint.resource
    return (
        endpoint.method == "DELETE"
        and endpoint.template.endswith("}")
        and hasattr(resource, "referrers")
        and resource.referrers()
    )


def needs_caller(endpoint: Endpoint) -> bool:
    """Those that are not public."""
    return endpoint.needs_caller


def has_permission(endpoint: Endpoint) -> bool:
    """Those that require a permission of every caller."""
    return endpoint.permission is not None and not endpoint.operation.own_always


def has_ids(endpoint: Endpoint) -> bool:
    """Those whose path names an object."""
    return bool(endpoint.path_ids)


def in_the_envelope(endpoint: Endpoint) -> bool:
    """Those whose answers have the envelope."""
    return not endpoint.operation.plain


def patches(endpoint: Endpoint) -> bool:
    """Those that change some fields of an object."""
    return endpoint.method == "PATCH" and isinstance(endpoint.operation.body, Schema)


def has_body(endpoint: Endpoint) -> bool:
    """Those that take a body."""
    return isinstance(endpoint.operation.body, Schema)


def requires_body(endpoint: Endpoint) -> bool:
    """Those whose body has fields that must be there."""
    body: Any = endpoint.operation.body
    return endpoint.method != "PATCH" and has_body(endpoint) and any(field.required for field in body.load_fields.values())


def can_be_tried(endpoint: Endpoint) -> bool:
    """Those that can only say what they would do, with ``dry_run``."""
    body: Any = endpoint.operation.body
    return has_body(endpoint) and "dry_run" in body.load_fields


def reads(endpoint: Endpoint) -> bool:
    """Those that change nothing."""
    return not endpoint.writes


def writes(endpoint: Endpoint) -> bool:
    """Those that may change something."""
    return endpoint.writes


def deletes(endpoint: Endpoint) -> bool:
    """Those that delete an object."""
    return endpoint.method == "DELETE" and has_ids(endpoint)


def for_people_only(endpoint: Endpoint) -> bool:
    """Those that no API key may carry out."""
    return endpoint.operation.session_only


def repeatable(endpoint: Endpoint) -> bool:
    """Those whose answer a caller can have again for an idempotency key; what is for a session alone may end it."""
    return endpoint.method == "POST" and endpoint.needs_caller and not endpoint.operation.session_only


def is_list(endpoint: Endpoint) -> bool:
    """Those that answer with pages."""
    return endpoint.method == "GET" and endpoint.operation.many and isinstance(endpoint.operation.query, ListQuery)


def reads_one(endpoint: Endpoint) -> bool:
    """Those that read a single object."""
    return reads(endpoint) and has_ids(endpoint) and not endpoint.operation.many and not endpoint.operation.plain


def names_ids(endpoint: Endpoint) -> bool:
    """Those that take ``expand``."""
    return bool(endpoint.references)


def halt(client: Client, path: str) -> None:
    """Halt what is to be resumed: what goes before the operation ``resume`` of whatever is `Halting`."""
    client.post(path.replace("/resume", "/halt"), {"reason": "A test."})
