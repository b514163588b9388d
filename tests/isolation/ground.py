"""Two organizations in one installation: every text of home is a canary; away are those who must not find any."""

import importlib.util
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from secrets import token_hex
from types import MappingProxyType
from typing import Any

from aasim_core.access.tree import PREFIXES
from aasim_core.app import App
from aasim_core.context import organization_scope, system_scope
from aasim_core.data.backends.connect import bind
from aasim_core.data.records import is_tenant
from aasim_core.http.operations import Endpoint
from aasim_core.ids import is_id, new_id
from aasim_core.serving.application import make_wsgi
from aasim_core.tenancy.records import Organization, User
from aasim_core.testing.contract import PluginContract
from aasim_core.testing.contract.hints import NODE, Hints
from aasim_core.testing.contract.stage import TENANT, Stage, Unprepared, name_of
from aasim_core.testing.world import Person, World
from aasim_core.worker.runner import work_off

from .canaries import filled, without_refused

TESTS = Path(__file__).parent.parent
#: What the core's own routes need, which no plugin's tests tell.
CORE_HINTS = Hints(
    objects={"name": lambda world, person: "agents", "file_name": lambda world, person: "start.js"},
    fixed={"GET /events": "The core and plugins declare them.", "GET /plugin-parts": "Plugins provide them."},
)
_MOST_TRIES = 8
#: Tables that say who is where; everything else that has rows of an organization belongs to a plugin.
_OF_THE_CORE = "core_"


class Family(Stage):
    """The objects of one place: made by one person, with one canary in all their texts, and hung on one node of the tree."""

    def __init__(self, name: str, world: World, hints: Hints, person: Person, node_id: str | None) -> None:
        super().__init__(world.app, hints, (person, person))
        self.world = world
        self.name = name
        self.person = person
        self.node_id = node_id
        self.mark = f"canary{name}{token_hex(4)}"
        self._making: list[str] = []

    def body(self, endpoint: Endpoint, person: Person) -> dict[str, Any]:
        """A body with the canary wherever the operation takes it, and with the place in the tree where it takes that."""
        sample = super().body(endpoint, person)
        marked = self.varied(filled(endpoint.operation.body, self.mark), getattr(endpoint.resource, "unique", ()))
        return {**sample, **marked, **self._references(endpoint), **self._placed(endpoint)}

    def sample_body(self, endpoint: Endpoint) -> dict[str, Any]:
        """A body without canaries."""
        return super().body(endpoint, self.person)

    def create(
        self, maker: Endpoint, person: Person, path: str, given: Mapping[str, Any] = MappingProxyType({})
    ) -> Mapping[str, Any]:
        """Make an object with as many canaries as the operation takes."""
        self._making.append(name_of(maker))
        body, sample = {**self.body(maker, person), **given}, super().body(maker, person)
        for _ in range(_MOST_TRIES):
            exchange = self.ask(maker.method, path, person, body=body)
            if exchange.succeeded:
                self._making.pop()
                return dict(exchange.data)
            body = without_refused(body, exchange.codes, sample)
        raise Unprepared(f"{exchange}\nto {body}; write a body for {name_of(maker)!r} in `samples`")

    def _placed(self, endpoint: Endpoint) -> dict[str, Any]:
        field, placed = getattr(endpoint.resource, "node_field", None), self.hints.placed.get(name_of(endpoint), {})
        if self.node_id is None or not (_names_a_place(placed) or field in getattr(endpoint.operation.body, "load_fields", {})):
            return {}
        here = {} if _names_a_place(placed) else {field: self.node_id}
        return {**here, **_at(self.node_id, placed)}

    def _references(self, endpoint: Endpoint) -> dict[str, str]:
        """Ids of other objects of the family, which are made for it, in the fields that name one of a kind."""
        found = {}
        for name, field in getattr(endpoint.operation.body, "load_fields", {}).items():
            prefix = getattr(field, "prefix", None)
            makers = [other for other in self.endpoints.values() if _is_one(other, prefix)]
            if prefix and makers and f"POST {makers[0].template.rpartition('/')[0]}" not in self._making:
                found[name] = next(iter(self.ids(makers[0], self.person).values()))
        return found

    def fill(self) -> None:
        """Add a row to each list that is empty: what it lists is an object's own, or no path leads to one of them."""
        for name, how in self.hints.rows.items():
            endpoint = self.endpoints.get(name)
            if endpoint is None:
                continue
            ids = self.place_of(endpoint)
            if self.ask("GET", self.filled(endpoint.template, ids), self.person).data["items"]:
                continue
            if callable(how):
                how(self.world, self.person, ids)
            else:
                maker = self.endpoints[how]
                fields = maker.operation.body.load_fields
                self.create(
                    maker,
                    self.person,
                    self.filled(maker.template, {**self.place_of(maker), **ids}),
                    {name: id_ for name, id_ in ids.items() if name in fields},
                )

    def place_of(self, endpoint: Endpoint) -> dict[str, str]:
        """The ids of the family's objects for each field of the operation's path."""
        return self.ids(endpoint, self.person)


class Ground:
    """The installation: `home`, whose objects are looked for, `away`, whose people look, and the families of objects."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.hints = all_hints(app)
        bind(app.database, app.models)  # the contract tests have made apps of their own
        self.world = World(app, make_wsgi(app))
        self.home = self.world.organization("Canary House")
        self.away = self.world.organization("Elsewhere")
        self.node, self.sibling_node = (self.world.node(self.home, "project") for _ in range(2))
        self.away_node = self.world.node(self.away, "project")
        self.own = self._family("own", self.home, self.node)
        self.sibling = self._family("sibling", self.home, self.sibling_node)
        self.shared = self._family("shared", self.home, None)
        self.deleted = self._family("deleted", self.home, self.node)
        self.foreign = self._family("foreign", self.away, self.away_node)
        self.house_mark = f"canaryhouse{token_hex(4)}"

    @property
    def families(self) -> tuple[Family, ...]:
        return self.own, self.sibling, self.shared, self.deleted, self.foreign

    def _family(self, name: str, person: Person, node_id: str | None) -> Family:
        return Family(name, self.world, self.hints, person, node_id)

    def settle(self) -> None:
        """Mark the house, make the objects of every family, do what they have queued, delete those that are to be gone."""
        self._mark_house()
        for family in self.families:
            for endpoint in self.own.endpoints.values():
                family.place_of(endpoint)
        work_off(self.app)
        self.erased = set(self._delete_all())
        for family in set(self.families) - {self.deleted}:
            family.fill()
        for endpoint in self.own.endpoints.values():
            if endpoint.method == "GET" and not endpoint.path_ids:
                for person in (self.home, self.away):
                    self.own.ask("GET", endpoint.template, person)

    def _mark_house(self) -> None:
        with self.app.database.transaction(), system_scope("test"):
            Organization.update(name=f"{self.house_mark} house").where(Organization.id == self.home.organization_id).execute()
            User.update(name=f"{self.house_mark} owner").where(User.id == self.home.user_id).execute()

    def _delete_all(self) -> Iterator[str]:
        """Delete what can be deleted of the family that is to be gone, but for the house itself; yields the templates."""
        deletes = [each for each in self.own.endpoints.values() if each.method == "DELETE" and each.path_ids[-1] != TENANT]
        pending = sorted(deletes, key=lambda endpoint: -len(endpoint.path_ids))  # what hangs on a thing has a longer path
        while pending:
            tried = [(each, self.deleted.ask("DELETE", self.deleted.path(each, self.home), self.home)) for each in pending]
            yield from (endpoint.template for endpoint, exchange in tried if exchange.succeeded)
            left = [(endpoint, exchange) for endpoint, exchange in tried if not exchange.succeeded]
            assert all(each.codes == {"_": ["in_use"]} for _, each in left), left
            users = [user for _, each in left for user in each.body["errors"]["_"][0]["meta"].get("used_by", ())]
            gone = [self._delete_user(deletes, user) for user in users]
            assert len(left) < len(pending) or any(gone), left
            pending = [endpoint for endpoint, _ in left]

    def _delete_user(self, deletes: Iterable[Endpoint], user: Mapping[str, str]) -> bool:
        """Whether what names something that is to be gone, and is not the family's one of its kind, was deleted."""
        own = next((each for each in deletes if _is_one(each, user["type"])), None)
        if own is None or user["id"] in self.deleted.place_of(own).values():
            return False
        return self.deleted.ask("DELETE", f"{own.template.rpartition('/')[0]}/{user['id']}", self.home).succeeded

    def is_erased(self, endpoint: Endpoint) -> bool:
        """Whether the path leads through an object that was deleted."""
        return any(endpoint.template == template or endpoint.template.startswith(f"{template}/") for template in self.erased)

    def is_placed(self, endpoint: Endpoint, family: Family) -> bool:
        """Whether one of the path's objects hangs on the family's node."""
        return any(family.node_id in self._columns_of(value) for value in family.place_of(endpoint).values() if is_id(value))

    def _columns_of(self, record_id: str) -> tuple[Any, ...]:
        model = next(
            (model for model in self.app.models if getattr(model._meta, "id_prefix", "") == record_id.rpartition("_")[0]), None
        )
        if model is None or "id" not in model._meta.fields:
            return ()
        with system_scope("test"):
            return next(iter(model.select().where(model.id == record_id).tuples()), ())

    @cached_property
    def ids_at_home(self) -> frozenset[str]:
        """The ids of everything at home, and of home itself."""
        found = {self.home.organization_id, self.home.user_id, self.node, self.sibling_node}
        with organization_scope(self.home.organization_id):
            for model in self.app.models:
                if is_tenant(model) and "id" in model._meta.fields:
                    found |= {row[0] for row in model.select(model.id).tuples()}
        return frozenset(found)

    @property
    def marks_at_home(self) -> tuple[str, ...]:
        """The canaries of home."""
        return self.house_mark, self.own.mark, self.sibling.mark, self.shared.mark, self.deleted.mark

    def rows(self, person: Person) -> dict[str, list[str]]:
        """All rows of the plugins' tables that the person's organization has."""
        with organization_scope(person.organization_id):
            models = [
                model for model in self.app.models if is_tenant(model) and not model._meta.table_name.startswith(_OF_THE_CORE)
            ]
            return {model._meta.table_name: sorted(map(repr, model.select().tuples())) for model in models}


def _is_one(endpoint: Endpoint, prefix: str | None) -> bool:
    """Whether the path names one object, of the kind whose ids begin so."""
    kind = next((kind for kind, known in PREFIXES.items() if known == prefix), prefix)
    return len(endpoint.path_ids) == 1 and endpoint.template.endswith(f"s/{{{kind}_id}}")


def nowhere(value: str) -> str:
    """A value of the same form that nothing has."""
    prefix, underscore, _ = value.rpartition("_")
    return new_id(prefix) if underscore else f"{value}9" * 3


#: The connected apps and webhooks that contract tests make are on this machine, and they choose between two plans.
HERE: Mapping[str, Any] = {
    **{f"{plugin}.allowed_networks": ["127.0.0.0/8", "::1"] for plugin in ("connected_apps", "webhooks")},
    "subscriptions.plans": {"team": {"price": 5}, "club": {"price": 6}},
}


def all_hints(app: App) -> Hints:
    """What the contract tests of the plugins say about their operations, and what there is to say about the core's."""
    hints = CORE_HINTS
    for plugin in app.plugins.on:
        hints = hints.with_those_of(contract_of(plugin.name).hints())
    return hints


def contract_of(plugin: str) -> type[PluginContract]:
    """The plugin's class of contract tests."""
    name = f"contract_of_{plugin}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, TESTS / plugin / "test_contract.py")
        assert spec is not None and spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    contract: type[PluginContract] = sys.modules[name].TestContract
    return contract


def _names_a_place(placed: Mapping[str, Any]) -> bool:
    return NODE in placed.values() or any(_names_a_place(value) for value in placed.values() if isinstance(value, dict))


def _at(node_id: str, placed: Mapping[str, Any]) -> dict[str, Any]:
    """The same with the node's id for `NODE`, within objects too."""
    ids = {NODE: node_id}
    return {
        name: _at(node_id, value) if isinstance(value, dict) else ids.get(value, value) if isinstance(value, str) else value
        for name, value in placed.items()
    }
