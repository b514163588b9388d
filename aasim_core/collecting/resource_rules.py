"""Rules for resources that serve records: visibility of rows, columns, and emitted events."""

from collections.abc import Iterable, Iterator
from typing import Any

from ..plugins.declarations import Declarations
from ..plugins.failures import did_you_mean, place_of
from .record_rules import has_organization, is_common


def resource_flaws(own: Declarations) -> Iterator[str]:
    """Return what is wrong with the resources that serve records."""
    for resource in own.routes:
        for flaw in (*_leaking(resource), *_undeclared(own, resource), *_without_column(resource)):
            yield f"{flaw}{place_of(type(resource))}"


def _leaking(resource: Any) -> Iterator[str]:
    """A resource over a record without an organization finds the same objects in every organization."""
    record: Any = getattr(resource, "record", None)
    name = type(resource).__name__
    if not hasattr(record, "_meta") or resource.common or has_organization(record) or is_common(record):
        return
    if not _finds_by_itself(resource):
        yield (
            f"serves {record.__name__} with {name}, which shows every organization the same rows; derive {record.__name__} from "
            f"TenantRecord, or write common = True in {name}"
        )


def _finds_by_itself(resource: Any) -> bool:
    """Whether the resource says both for one object and for lists which rows a caller may know of."""
    from ..resources.collection import Collection

    return all(getattr(type(resource), step, None) not in (None, getattr(Collection, step)) for step in ("find", "reach"))


def _undeclared(own: Declarations, resource: Any) -> Iterator[str]:
    declared = [event.name for event in own.events]
    for name in resource.emits():
        if name not in declared:
            advice = f'return Event("{name}", "…") from the hook events{did_you_mean(name, declared)}'
            yield f"emits the event {name} in {type(resource).__name__} and does not declare it; {advice}"


def _without_column(resource: Any) -> Iterator[str]:
    """Names for which a list would ask the database in vain."""
    from ..resources.collection import Collection

    query = getattr(resource, "query", None)
    if query is None or getattr(type(resource), "page", None) is not Collection.page:
        return
    record, name = resource.record, type(resource).__name__
    for does, columns in _asked_of(resource, query).items():
        for column in dict.fromkeys(columns):
            if not hasattr(resource.view or record, column):
                advice = did_you_mean(column, record._meta.fields)
                yield f"{does} {column} in {name}, which {record.__name__} does not have{advice}"


def _asked_of(resource: Any, query: Any) -> dict[str, Iterable[str]]:
    """Return the columns that lists read, by use."""
    return {
        "sorts by": [word.removeprefix("-") for word in query.parameters["sort"].words],
        "filters by": [name for name, _, _ in query.filters.values()],
        "searches": query.search,
        "answers with": resource.plan.columns,
    }
