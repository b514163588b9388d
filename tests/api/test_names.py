"""One thing has one name in all of the API: rules for the names of fields and filters, held against the OpenAPI document."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from aasim_core.data.records import Row

#: Words that are gone, and what is written instead.
GONE = {
    "active": "status", "at": "occurred_at or decided_at", "author_id": "created_by", "brings": "provides", "by": "user_id",
    "cost_centre": "cost_center", "enabled": "status", "failures_in_a_row": "consecutive_failures", "granted_by": "created_by",
    "kept": "retained", "ms": "duration_ms", "params": "parameters", "requested_by": "initiator_id", "requester": "initiator",
    "resource_id": "place", "resource_type": "place",
    "since": "status_since_at", "until": "expires_at", "warn_at": "warn_percents", "whole": "valid",
}  # fmt: skip
#: A yes or no with one of these names is a status.
SWITCHES = {"active", "disabled", "enabled", "is_active", "is_enabled"}
#: What breaks a rule and has a reason.
EXCEPT = {
    "activities.FaultOut.until",  # the number of an activity, not an instant
    "agents.LimitsIn.max_cost",  # of each currency in which a run costs something: it has none of its own
    "agents.LimitsMembers.max_cost",
    "agents.LimitsOut.max_cost",
    "marketplace.TryIn.max_cost",  # of the engine's currency, as the limit of an agent
    "mcp_server.MessageIn.params",  # JSON-RPC 2.0 calls it so
    "subscriptions.CancelIn.at",  # one of two moments by its name, of what is still to come
}


def fields_of(whole: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Each property of each component: the component, its name and its schema."""
    for component, schema in whole["components"]["schemas"].items():
        for name, part in schema.get("properties", {}).items():
            if f"{component}.{name}" not in EXCEPT:
                yield component, name, part


def filters_of(whole: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each parameter of a query: where, and its name without an operator."""
    for path, operations in whole["paths"].items():
        for method, operation in operations.items():
            for parameter in operation.get("parameters", ()) if isinstance(operation, dict) else ():
                if parameter.get("in") == "query":
                    yield f"{method.upper()} {path}", parameter["name"].partition("[")[0]


def has_type(part: Mapping[str, Any], name: str) -> bool:
    return name in ([part["type"]] if isinstance(part.get("type"), str) else part.get("type", ()))


def old_words(whole: Mapping[str, Any]) -> list[str]:
    found = [(f"{component}.{name}", name) for component, name, _ in fields_of(whole)]
    found += [(f"{place}?{name}", name) for place, name in filters_of(whole)]
    return [f"{place}: write {GONE[name]}" for place, name in found if name in GONE]


def misnamed_instants(whole: Mapping[str, Any]) -> list[str]:
    found = [(f"{component}.{name}", name, part.get("format") == "date-time") for component, name, part in fields_of(whole)]
    return [place for place, name, is_instant in found if name.endswith("_at") != is_instant]


def money_without_currency(whole: Mapping[str, Any]) -> list[str]:
    schemas = whole["components"]["schemas"]
    with_currency = {name for name, schema in schemas.items() if "currency" in schema.get("properties", {})}
    beside = with_currency | {held for name in with_currency for held in held_by(schemas[name])}
    money = [(component, name) for component, name, part in fields_of(whole) if is_money(name, part)]
    return [f"{component}.{name}" for component, name in money if component not in beside]


def is_money(name: str, part: Mapping[str, Any]) -> bool:
    return has_type(part, "integer") and name.rpartition("_")[2] in ("cost", "amount", "price")


def held_by(schema: Mapping[str, Any]) -> Iterator[str]:
    """The components that are the schema's properties."""
    for part in schema["properties"].values():
        for one in part.get("anyOf", [part]):
            if "$ref" in one:
                yield one["$ref"].rpartition("/")[2]


def switches(whole: Mapping[str, Any]) -> list[str]:
    return [f"{component}.{name}" for component, name, part in fields_of(whole) if name in SWITCHES and has_type(part, "boolean")]


def kinds_of_ids(whole: Mapping[str, Any]) -> set[str]:
    """The prefixes of ids that fields and filters ask for or show."""
    return set(re.findall(r'"\^([a-z]+)_\[0-7\]', json.dumps(whole)))


def kinds_of_records(base: type[Row] = Row) -> Iterator[str]:
    """The prefixes of ids that records have."""
    for record in base.__subclasses__():
        yield getattr(record._meta, "id_prefix", None) or ""
        yield from kinds_of_records(record)


@pytest.mark.long
def test_no_field_or_filter_has_a_name_that_is_gone(whole: dict[str, Any]) -> None:
    assert old_words(whole) == []


@pytest.mark.long
def test_instants_and_only_instants_end_in_at(whole: dict[str, Any]) -> None:
    assert misnamed_instants(whole) == []


def test_money_has_its_currency_beside_it(whole: dict[str, Any]) -> None:
    assert money_without_currency(whole) == []


def test_what_can_be_switched_off_has_a_status(whole: dict[str, Any]) -> None:
    assert switches(whole) == []


def test_every_exception_is_of_a_field_that_there_is(whole: dict[str, Any]) -> None:
    schemas = whole["components"]["schemas"]
    named = (place.rpartition(".") for place in EXCEPT)
    assert [name for component, _, name in named if name not in schemas.get(component, {}).get("properties", {})] == []


def test_ids_are_of_kinds_that_records_have(whole: dict[str, Any]) -> None:
    assert {"exec", "agent", "enginecall"} <= kinds_of_ids(whole) <= set(kinds_of_records())


@pytest.mark.parametrize(
    ("rule", "name", "part"),
    [
        (old_words, "kept", {"type": "string"}),
        (misnamed_instants, "moment", {"type": ["string", "null"], "format": "date-time"}),
        (misnamed_instants, "warned_at", {"type": "integer"}),
        (money_without_currency, "used_cost", {"type": ["integer", "null"]}),
        (switches, "enabled", {"type": "boolean"}),
    ],
)
def test_each_rule_notices_a_field_that_breaks_it(rule: Any, name: str, part: dict[str, Any]) -> None:
    planted = {"components": {"schemas": {"things.ThingOut": {"properties": {name: part}}}}, "paths": {}}
    [told] = rule(planted)
    assert told.startswith(f"things.ThingOut.{name}")


def test_a_filter_with_a_name_that_is_gone_is_noticed() -> None:
    get = {"parameters": [{"in": "query", "name": "at[gte]"}]}
    planted = {"components": {"schemas": {}}, "paths": {"/things": {"get": get}}}
    assert old_words(planted) == ["GET /things?at: write occurred_at or decided_at"]
