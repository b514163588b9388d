"""The part of the contract suite about refused callers, objects and input."""

from collections.abc import Iterator, Mapping
from typing import Any

from marshmallow import Schema

from ...context import organization_scope
from ...http.operations import Endpoint
from ...ids import is_id, new_id
from ...schemas.fields import Json, ListOf, Object, Strict
from ...worker.runner import work_off
from ..copies import named_by
from ..principals import key_of, member_without
from ..reporting import demand, demand_none
from ..world import Person
from .exchanges import Exchange, difference, envelope_flaw, joined
from .stage import TENANT, Stage
from .terms import (
    deletes_referenced,
    for_each,
    for_people_only,
    has_body,
    has_ids,
    has_permission,
    knows_its_parameters,
    needs_caller,
    requires_body,
    writes,
)

#: Ids that no object has, by their form alone; they stand in a path as they are.
MALFORMED = ("x", "0", "-1", "null", "%00", "%F0%9F%A6%8A", "a" * 300, "..", "' OR 1=1 --", "{agent_id}", "agent_", "*")
_NOT_JSON = b'{"name": '


class RefusalContract:
    """Whom and what every operation refuses."""

    @for_each(needs_caller)
    def test_it_refuses_a_caller_without_a_good_credential(self, stage: Stage, endpoint: Endpoint) -> None:
        """401 without a credential and with one that nobody gave out."""
        path = stage.address(endpoint, stage.owner)
        for token in (None, "guessed", "a.b.c", "aasim_sk_12345678_12345678901234567890123456789012123456"):
            headers = {} if token is None else {"Authorization": f"Bearer {token}"}
            exchange = stage.ask(endpoint.method, path, headers=headers)
            demand(exchange.status == 401, f"{exchange}\nto the credential {token}; it must answer 401")
            demand_none(_form_flaws(stage, endpoint, exchange))

    @for_each(has_permission)
    def test_it_refuses_a_member_without_its_permission(self, stage: Stage, endpoint: Endpoint) -> None:
        """403 to a member who holds every permission but the operation's, and who names an object that is there or none."""
        permission = str(endpoint.permission)
        member = member_without(stage.world, stage.owner, permission)
        own = stage.ids(endpoint, stage.owner)
        for ids in (own, {name: value if name == TENANT else "x" for name, value in own.items()}):
            path = stage.with_query(stage.filled(endpoint.template, ids), endpoint, member)
            exchange = stage.ask(endpoint.method, path, member)
            problem = f"{exchange}\nto a member who holds every permission but {permission}; it must answer 403 permission_denied"
            demand(exchange.codes == {"_": ["permission_denied"]}, problem)
            demand_none(_form_flaws(stage, endpoint, exchange))

    @for_each(deletes_referenced)
    def test_what_others_name_is_not_deleted_silently(self, stage: Stage, endpoint: Endpoint) -> None:
        """409 ``in_use`` while a record names the object; or none does any more, or the object's row stays."""
        record = endpoint.resource.record  # type: ignore[attr-defined]
        for model, field in endpoint.resource.referrers():  # type: ignore[attr-defined]
            ids = stage.ids(endpoint, stage.owner, fresh=True)
            object_id = list(ids.values())[-1]
            with named_by(stage.app, stage.owner, model, field, object_id) as still_named:
                exchange = stage.ask("DELETE", stage.filled(endpoint.template, ids), stage.owner)
                refused = exchange.codes == {"_": ["in_use"]}
                work_off(stage.app)  # what goes along may go in a job
                with organization_scope(stage.owner.organization_id):
                    stays = record.select().where(record.id == object_id).exists()
                problem = f"{exchange}\nwhile {model._meta.table_name}.{field} names the object; it must answer 409 in_use"
                demand(refused or stays or not still_named(), problem)

    @for_each(for_people_only)
    def test_it_refuses_an_api_key(self, stage: Stage, endpoint: Endpoint) -> None:
        """403 ``session_required`` to a key that has every scope there is."""
        key = key_of(stage.app, stage.owner, stage.app.permissions)
        exchange = stage.ask(endpoint.method, stage.address(endpoint, stage.owner), key)
        demand(exchange.codes == {"_": ["session_required"]}, f"{exchange}\nto an API key; it is declared session_only")

    @for_each(has_ids)
    def test_an_object_of_another_organization_is_like_none(self, stage: Stage, endpoint: Endpoint) -> None:
        """The one 404, to the byte, to another organization's owner who knows the id."""
        own = stage.ids(endpoint, stage.owner)
        for name in (name for name in endpoint.path_ids if is_id(own[name])):
            theirs = {**own, **_own_up_to(name, stage, endpoint)}
            known, unknown = (_try(stage, endpoint, theirs | {name: value}) for value in (own[name], _nowhere(own[name])))
            demand(known.status == 404, f"{known}\nto the owner of another organization; it must answer 404 not_found")
            flaw = difference(known, unknown)
            demand(flaw is None, f"{known}\ndiffers from the answer about an id that nobody has ({unknown.asked}): {flaw}")
            demand_none(_form_flaws(stage, endpoint, known))

    @for_each(has_ids)
    def test_an_id_of_the_wrong_form_is_like_one_of_nothing(self, stage: Stage, endpoint: Endpoint) -> None:
        """The same 404, to the byte, for ids that are none."""
        own = stage.ids(endpoint, stage.owner)
        for name in endpoint.path_ids:
            nothing = _try(stage, endpoint, own | {name: _nowhere(own[name])}, stage.owner)
            demand(
                nothing.codes == {"_": ["not_found"]}, f"{nothing}\nfor an object that never was; it must answer 404 not_found"
            )
            for malformed in MALFORMED:
                exchange = _try(stage, endpoint, own | {name: malformed}, stage.owner)
                flaw = difference(exchange, nothing)
                demand(flaw is None, f"{exchange}\ndiffers from the answer about an id that nobody has: {flaw}")

    @for_each(knows_its_parameters)
    def test_it_refuses_query_parameters_that_it_does_not_know(self, stage: Stage, endpoint: Endpoint) -> None:
        """400 ``unknown_parameter``: a typo must not return everything."""
        path = joined(stage.address(endpoint, stage.owner), "no_such_parameter=1")
        exchange = _sent(stage, endpoint, stage.owner, path)
        demand(
            exchange.codes == {"no_such_parameter": ["unknown_parameter"]}, f"{exchange}\nit must answer 400 unknown_parameter"
        )
        demand_none(_form_flaws(stage, endpoint, exchange))

    @for_each(writes)
    def test_it_refuses_fields_that_it_does_not_know(self, stage: Stage, endpoint: Endpoint) -> None:
        """422 ``unknown_field``, also from an operation that takes no body at all."""
        body = {**_valid_body(stage, endpoint), "no_such_field": 1}
        exchange = stage.ask(endpoint.method, stage.path(endpoint, stage.owner), stage.owner, body=body)
        demand(exchange.codes.get("no_such_field") == ["unknown_field"], f"{exchange}\nit must answer 422 unknown_field")
        demand_none(_form_flaws(stage, endpoint, exchange))

    @for_each(has_body)
    def test_it_refuses_a_value_of_the_wrong_type_in_each_field(self, stage: Stage, endpoint: Endpoint) -> None:
        """422 that names the field, never a value made to fit."""
        path, valid, flaws = stage.path(endpoint, stage.owner), _valid_body(stage, endpoint), []
        for name, wrong in _wrong_values(endpoint.operation.body):
            exchange = stage.ask(endpoint.method, path, stage.owner, body={**valid, name: wrong})
            if exchange.status != 422 or not any(_leads_to(name, field) for field in exchange.codes):
                flaws.append(f"{exchange}\nto {wrong!r} in {name}; it must answer 422 with a problem of {name}")
            flaws += _form_flaws(stage, endpoint, exchange)
        demand_none(flaws)

    @for_each(requires_body)
    def test_it_names_every_required_field_that_is_missing(self, stage: Stage, endpoint: Endpoint) -> None:
        """422 ``required`` for each."""
        schema: Any = endpoint.operation.body
        exchange = stage.ask(endpoint.method, stage.path(endpoint, stage.owner), stage.owner, body={})
        missing = {name: ["required"] for name, field in schema.load_fields.items() if field.required}
        demand(missing.items() <= exchange.codes.items(), f"{exchange}\nit must say that {', '.join(missing)} are required")

    @for_each(writes)
    def test_it_refuses_a_body_that_is_no_json(self, stage: Stage, endpoint: Endpoint) -> None:
        """400 for broken JSON, 415 for another content type, 422 for JSON that is no object."""
        path = stage.path(endpoint, stage.owner)
        broken = stage.ask(endpoint.method, path, stage.owner, raw=_NOT_JSON)
        demand(broken.codes == {"_": ["malformed_json"]}, f"{broken}\nto half a JSON object; it must answer 400 malformed_json")
        other = stage.ask(endpoint.method, path, stage.owner, raw=b"{}", headers={"Content-Type": "text/plain"})
        demand(other.codes == {"_": ["unsupported_media_type"]}, f"{other}\nto text/plain; it must answer 415")
        listed = stage.ask(endpoint.method, path, stage.owner, body=[])
        demand(listed.codes == {"_": ["invalid_type"]}, f"{listed}\nto a list; it must answer 422 invalid_type")
        demand_none([flaw for exchange in (broken, other, listed) for flaw in _form_flaws(stage, endpoint, exchange)])


def _form_flaws(stage: Stage, endpoint: Endpoint, exchange: Exchange) -> list[str]:
    """What is wrong with the form of a refusal: the envelope, the declared codes, the documented statuses."""
    flaw = envelope_flaw(exchange, stage.app.error_codes) or stage.documented.flaw(endpoint, exchange)
    return [f"{exchange}\n{flaw}"] if flaw else []


def _own_up_to(name: str, stage: Stage, endpoint: Endpoint) -> Mapping[str, str]:
    """The stranger's own ids for the fields of the path before `name`: only that one is foreign."""
    before = endpoint.template.partition(f"{{{name}}}")[0]
    if "{" not in before:
        return {}
    whole = stage.ids(endpoint, stage.stranger)
    return {field: value for field, value in whole.items() if f"{{{field}}}" in before}


def _nowhere(value: str) -> str:
    """A value of the same form that no object has."""
    prefix, underscore, _ = value.rpartition("_")
    return new_id(prefix) if underscore else f"{value}9" * 4


def _try(stage: Stage, endpoint: Endpoint, ids: Mapping[str, str], person: Person | None = None) -> Exchange:
    """The operation as it is meant, on the object that `ids` name, by the stranger unless another is given."""
    person = person or stage.stranger
    path = stage.with_query(stage.filled(endpoint.template, ids), endpoint, person)
    return _sent(stage, endpoint, person, path)


def _sent(stage: Stage, endpoint: Endpoint, person: Person, path: str) -> Exchange:
    return stage.ask(endpoint.method, path, person, **({"body": _valid_body(stage, endpoint)} if has_body(endpoint) else {}))


def _valid_body(stage: Stage, endpoint: Endpoint) -> dict[str, Any]:
    return stage.body(endpoint, stage.owner) if has_body(endpoint) else {}


def _wrong_values(schema: Any) -> Iterator[tuple[str, Any]]:
    assert isinstance(schema, Schema)  # noqa: S101 - the test is about operations that have one
    for name, field in schema.load_fields.items():
        if isinstance(field, ListOf | Object) or (isinstance(field, Json) and field.object_only):
            yield name, "text"
        elif isinstance(field, Strict) and not isinstance(field, Json):
            yield name, {"wrong": 1}


def _leads_to(name: str, path: str) -> bool:
    return path == name or path.startswith((f"{name}.", f"{name}["))
