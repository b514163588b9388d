"""The part of the contract suite about ``expand=``: the names that it adds to ids, and for whom."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from ...http.operations import Endpoint
from ...serving.expanding import Reference
from ..principals import member_with
from ..reporting import demand, demand_none
from ..statements import recorded, summary
from ..world import Person
from .exchanges import Exchange, joined
from .stage import Stage, name_of
from .terms import for_each, is_list, names_ids


class ExpandContract:
    """What lists and reads with ids of other objects do."""

    @for_each(names_ids)
    def test_expanding_adds_the_names_that_the_lists_of_these_objects_show(self, stage: Stage, endpoint: Endpoint) -> None:
        """Next to each id ``{id, name}``, or null where it no longer exists; the rest is as without, and as the reference says."""
        person = stage.world.organization()
        path = _path(stage, endpoint, person)
        plain, expanded = (stage.ask("GET", each, person) for each in (path, _expanded(path, endpoint)))
        demand(expanded.status == 200, expanded)
        for item, more in zip(_items(endpoint, plain), _items(endpoint, expanded), strict=True):
            demand(set(more) == {*item, *endpoint.references}, f"{expanded}\nit has the fields {sorted(more)}")
        demand_none(_wrong_names(stage, endpoint, expanded, person))
        flaw = stage.documented.flaw(endpoint, expanded)
        demand(flaw is None, f"{expanded}\n{flaw}")

    @for_each(names_ids)
    def test_expanding_tells_nobody_a_name_that_they_may_not_read(self, stage: Stage, endpoint: Endpoint) -> None:
        """A caller with only this operation's permission gets null where the list of such objects does not show it to them."""
        owner = stage.world.organization()
        path = _expanded(_path(stage, endpoint, owner), endpoint)
        person = member_with(stage.world, owner, [endpoint.permission] if endpoint.permission else [])
        exchange = stage.ask("GET", path, person)
        demand_none(_wrong_names(stage, endpoint, exchange, person) if exchange.succeeded else [])

    @for_each(names_ids)
    def test_expanding_takes_a_statement_for_each_kind(self, stage: Stage, endpoint: Endpoint) -> None:
        """However many rows there are."""
        person = stage.world.organization()
        path = _path(stage, endpoint, person)
        if is_list(endpoint) and name_of(endpoint) not in stage.hints.fixed:
            stage.multiply(stage.ask("GET", path, person).data["items"][0], person, 20)
        asked = []
        for each in (path, _expanded(path, endpoint)):
            stage.ask("GET", each, person)
            with recorded(stage.app.database) as statements:
                exchange = stage.ask("GET", each, person)
            asked.append([statement.sql for statement in statements])
        ids = [holder[reference.field] for reference, holder in _holders(endpoint, exchange)]
        kinds = {str(one).rpartition("_")[0] for one in ids if one}
        message = (
            f"GET {path} ran {len(asked[0])} statements, with names of {len(kinds)} kinds {len(asked[1])}:\n{summary(asked[1])}"
        )
        demand(len(asked[1]) <= len(asked[0]) + len(kinds), message)

    @for_each(names_ids)
    def test_a_name_that_cannot_be_added_is_refused_with_those_that_can(self, stage: Stage, endpoint: Endpoint) -> None:
        """400 ``invalid_parameter`` of ``expand``."""
        exchange = stage.ask("GET", joined(stage.address(endpoint, stage.owner), "expand=nonsense"), stage.owner)
        demand(exchange.codes == {"expand": ["invalid_parameter"]}, f"{exchange}\nit must answer 400 invalid_parameter")
        [problem] = exchange.body["errors"]["expand"]
        missing = [word for word in endpoint.references if word not in problem["message"]]
        demand(not missing, f"{exchange}\nsays {problem['message']!r}, without {missing}")


def _path(stage: Stage, endpoint: Endpoint, person: Person) -> str:
    """The path of a list with a row, or of an object."""
    return stage.add_row(endpoint, person) if is_list(endpoint) else stage.prepared_path(endpoint, person)


def _expanded(path: str, endpoint: Endpoint) -> str:
    return joined(path, f"expand={','.join(endpoint.references)}")


def _items(endpoint: Endpoint, exchange: Exchange) -> Sequence[dict[str, Any]]:
    data: Any = exchange.data
    return data["items"] if is_list(endpoint) else [data]


def _wrong_names(stage: Stage, endpoint: Endpoint, exchange: Exchange, person: Person) -> list[str]:
    """Names next to ids that differ from those that the list of such objects shows to the person."""
    known: dict[str, Mapping[str, str]] = {}
    flaws = []
    for reference, holder in _holders(endpoint, exchange):
        record_id, added = holder[reference.field], reference.added
        kind = str(record_id or "").rpartition("_")[0]
        if kind in reference.lists and kind not in known:
            known[kind] = _listed(stage, reference.lists[kind], person)
        name = known.get(kind, {}).get(record_id)
        wanted = None if name is None else {"id": record_id, "name": name}
        if holder[added] != wanted:
            flaws.append(f"{exchange}\n{added} is {holder[added]!r} and must be {wanted!r}")
    return flaws


def _holders(endpoint: Endpoint, exchange: Exchange) -> Iterator[tuple[Reference, Mapping[str, Any]]]:
    """Each object with an id that has a name next to it, with the field of the id."""
    for item in _items(endpoint, exchange):
        for reference in chain.from_iterable(endpoint.references.values()):
            yield from ((reference, holder) for holder in reference.holders(item))


def _listed(stage: Stage, listing: Endpoint, person: Person) -> Mapping[str, str]:
    """The names that the list shows to the person, by id."""
    exchange = stage.ask("GET", f"{listing.template}?limit=100", person)
    return {item["id"]: item["name"] for item in exchange.data["items"]} if exchange.succeeded else {}
