"""An app to try every operation of: from the operations table and a few samples it makes the objects, paths and bodies by itself."""

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from itertools import count
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import peewee
import pytest
from marshmallow import Schema

from ...app import App
from ...bootstrap import build_app
from ...context import organization_scope, system_scope
from ...data.backends.connect import bind
from ...data.migrator.runner import Source
from ...data.records import insert_rows
from ...events.records import EventRow
from ...http.operations import Endpoint
from ...process.startup import start_plugins, stop_plugins
from ...schemas.examples import example_of
from ...serving.application import make_wsgi
from ..apps import settings_in
from ..copies import copied, numbered
from ..principals import member_with
from ..world import Person, World
from .documented import Documented
from .exchanges import Exchange, ask
from .hints import NODE, Hints, Sample

if TYPE_CHECKING:
    from ...settings import Settings

_FIELD = re.compile(r"\{(\w+)\}")
#: The path field that names the organization itself: the caller's own, but where an operation changes or deletes it.
TENANT = "organization_id"


class Unprepared(pytest.fail.Exception):  # type: ignore[name-defined]
    """An operation cannot be tried for want of a sample; the text says which one to write, and is all that the failure prints."""

    def __init__(self, text: str) -> None:
        super().__init__(text, pytrace=False)


def name_of(endpoint: Endpoint) -> str:
    """``GET /agents/{agent_id}``."""
    return f"{endpoint.method} {endpoint.template}"


def sources_of(folder: Path, flags: Mapping[str, Any]) -> Sequence[Source]:
    """The migrations of an app with these settings."""
    return build_app(settings_in(folder, flags)).migration_sources


@contextmanager
def running(settings: "Settings") -> Iterator[App]:
    """An app as a process has it: connected, with its plugins started, and stopped at the end."""
    app = build_app(settings)
    try:
        with app.database.connected():
            app = start_plugins(app)
            yield app
            stop_plugins(app)
    finally:
        app.database.close_all()


class Stage:
    """An app with a world, and its operations by name, which are tried by the owners of two organizations."""

    def __init__(self, app: App, hints: Hints, people: tuple[Person, Person] | None = None) -> None:
        self.app = app
        self.hints = hints
        self.wsgi = make_wsgi(app)
        self.world = World(app, self.wsgi)
        self.documented = Documented(app)
        self.endpoints = {name_of(endpoint): endpoint for endpoint in app.endpoints if endpoint.in_api}
        #: Those of other protocols than the API's.
        self.beside = {name_of(endpoint): endpoint for endpoint in app.endpoints if not endpoint.in_api}
        self.owner, self.stranger = people or (self.world.organization("Acme"), self.world.organization("Other"))
        self._hides = False
        self._numbers = count(1)
        self._known: dict[tuple[str, str], str] = {}

    def enter(self) -> None:
        """Attach the records to this app's database again: another app may have taken them."""
        bind(self.app.database, self.app.models)

    # Asking

    def ask(self, method: str, path: str, person: Person | None = None, **more: Any) -> Exchange:
        """Send one request, in the name of `person` or of nobody; see `asking.ask`."""
        return ask(self.wsgi, method, path, person.client.token if person else None, **more)

    def ask_beside(self, endpoint: Endpoint, path: str, person: Person | None = None, **more: Any) -> Exchange:
        """The same for an operation outside the API at a whole path; the credential is left out where it needs none."""
        return self.ask(endpoint.method, path, person if endpoint.needs_caller else None, base="", **more)

    @cached_property
    def narrow(self) -> Person:
        """A member who holds every permission at a department of the owner's organization, in which there is nothing."""
        return member_with(self.world, self.owner, self.app.permissions, self.world.node(self.owner, "department"))

    @cached_property
    def hidden(self) -> "Stage":
        """The same, with objects that nobody elsewhere in the tree sees, as `placed` says; itself where that hides none."""
        if not any(map(self._hiding, self.hints.placed)):
            return self
        hidden = copy.copy(self)
        hidden._hides, hidden._known = True, {}
        return hidden

    def _hiding(self, name: str) -> dict[str, str]:
        """What `placed` adds to a body besides the place."""
        placed = self.hints.placed.get(name, {})
        return {field: value for field, value in placed.items() if isinstance(value, str) and value != NODE}

    def switch(self, person: Person, plugin: str, *, enabled: bool) -> None:
        """Switch a plugin on or off for the person's organization."""
        path = f"/plugins/{plugin}/organizations/{person.organization_id}"
        exchange = self.ask("PUT", path, person, body={"status": "active" if enabled else "disabled"})
        if not exchange.succeeded:
            raise Unprepared(f"{exchange}\nan owner can switch a plugin off and on")

    def perform(self, endpoint: Endpoint, person: Person | None = None, **more: Any) -> Exchange:
        """Carry out the operation as it is meant; who is not given is an owner, and a new one where it may be about themselves."""
        person = person or (self.owner if endpoint.permission is not None else self.world.organization())
        path = self.prepared_path(endpoint, person)
        caller = person if endpoint.needs_caller else None
        return self.ask(endpoint.method, path, caller, **self.content(endpoint, person), **more)

    def prepared_path(self, endpoint: Endpoint, person: Person) -> str:
        """The path to an object, a new one if the operation changes it, in the state that the operation needs."""
        path = self.path(endpoint, person, fresh=endpoint.writes)
        prepare = self.hints.before.get(name_of(endpoint))
        if prepare is not None:
            prepare(person.client, path)
        return self.with_query(path, endpoint, person)

    # Bodies

    def content(self, endpoint: Endpoint, person: Person) -> dict[str, Any]:
        """The body as keywords of `ask`; none where the operation takes none."""
        return {"body": self.body(endpoint, person)} if isinstance(endpoint.operation.body, Schema) else {}

    def body(self, endpoint: Endpoint, person: Person) -> dict[str, Any]:
        """A body that the operation takes from `person`: with each call another one, where something in it has to be unique."""
        sample = self._sample(endpoint)
        if sample is None:
            assert isinstance(endpoint.operation.body, Schema)  # noqa: S101 - callers that need a body have checked
            sample = example_of(endpoint.operation.body)
        hiding = self._hiding(name_of(endpoint)) if self._hides else {}
        if callable(sample):
            return {**sample(self.world, person), **hiding}
        return self.varied(copy.deepcopy({**sample, **hiding}), getattr(endpoint.resource, "unique", ()))

    def varied(self, body: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
        """The body with other values in those of its texts that `names` says."""
        number = next(self._numbers)
        return body | {name: numbered(body[name], number) for name in names if isinstance(body.get(name), str)}

    def with_query(self, path: str, endpoint: Endpoint, person: Person) -> str:
        """The path with the query that the operation needs."""
        return path + self.query(endpoint, person)

    def query(self, endpoint: Endpoint, person: Person) -> str:
        """The query string that a GET needs, if it needs one: what `samples` say of it."""
        sample = self.hints.samples.get(name_of(endpoint)) if endpoint.method == "GET" else None
        values = sample(self.world, person) if callable(sample) else sample
        return f"?{urlencode(values)}" if values else ""

    def _sample(self, endpoint: Endpoint) -> Sample | None:
        """The operation's own sample, or that of the POST that makes such objects, if both take the same."""
        sample = self.hints.samples.get(name_of(endpoint))
        if sample is None and endpoint.method in ("PUT", "PATCH"):
            maker = self.endpoints.get(f"POST {endpoint.template.rpartition('/')[0]}")
            if maker is not None and maker.operation.body is endpoint.operation.body:
                sample = self.hints.samples.get(name_of(maker))
        return sample

    # Paths

    def path(self, endpoint: Endpoint, person: Person, *, fresh: bool = False) -> str:
        """The path with ids of objects of the person's organization, which are made where they are not known yet."""
        return self.filled(endpoint.template, self.ids(endpoint, person, fresh=fresh))

    def address(self, endpoint: Endpoint, person: Person) -> str:
        """The same, with the query that the operation needs."""
        return self.with_query(self.path(endpoint, person), endpoint, person)

    @staticmethod
    def filled(template: str, ids: Mapping[str, str]) -> str:
        """The template with these ids in the places of its fields."""
        return _FIELD.sub(lambda match: ids[match[1]], template)

    def ids(self, endpoint: Endpoint, person: Person, *, fresh: bool = False) -> dict[str, str]:
        """The value of each field of the path, in order."""
        return self._ids_in(endpoint.template, person, fresh=fresh)

    def _ids_in(self, template: str, person: Person, *, fresh: bool) -> dict[str, str]:
        ids: dict[str, str] = {}
        for match in _FIELD.finditer(template):
            place = (person.user_id, template[: match.end()])
            if match[1] == TENANT and not fresh:
                ids[match[1]] = person.organization_id
            elif place in self._known and not fresh:
                ids[match[1]] = self._known[place]
            else:
                ids[match[1]] = self._made(match[1], template[: match.start()].rstrip("/"), person, ids)
            if not fresh:
                self._known[place] = ids[match[1]]
        return ids

    def _made(self, name: str, prefix: str, person: Person, ids: Mapping[str, str]) -> str:
        member = self.hints.members.get(f"{prefix}/{{{name}}}")
        if callable(member):
            return member(self.world, person, ids)
        how = member or self.hints.traces.get(name) or self.hints.objects.get(name, f"POST {prefix}")
        if callable(how):
            return how(self.world, person)
        maker = self.endpoints.get(how)
        if maker is None:
            raise Unprepared(
                f"nothing is known about how the {{{name}}} of {prefix}/{{{name}}} is made, and there is no {how}; say it in `objects`"
            )
        missing = {} if set(maker.path_ids) <= set(ids) else self._ids_in(maker.template, person, fresh=False)
        made = self.create(maker, person, self.filled(maker.template, {**missing, **ids}))
        if "id" not in made:
            raise Unprepared(f"{name_of(maker)} answers {made}, without an id; say in `members` what makes {prefix}/{{{name}}}")
        return self._event_about(made["id"], person) if name in self.hints.traces else str(made["id"])

    @staticmethod
    def _event_about(subject_id: str, person: Person) -> str:
        with organization_scope(person.organization_id):
            return str(EventRow.get(EventRow.subject_id == subject_id).id)

    def create(
        self, maker: Endpoint, person: Person, path: str, given: Mapping[str, Any] = MappingProxyType({})
    ) -> Mapping[str, Any]:
        """Make an object with the operation `maker` at `path`, its body having what is `given`; returns what was answered."""
        content = self.content(maker, person)
        if given:
            content["body"] = {**content["body"], **given}
        exchange = self.ask(maker.method, path, person, **content)
        if not exchange.succeeded or not isinstance(exchange.data, dict):
            raise Unprepared(
                f"{exchange}: no object was made; write a body for {name_of(maker)!r} in `samples`{self._or_above(maker)}"
            )
        return exchange.data

    def _or_above(self, maker: Endpoint) -> str:
        """The end of that advice, where the state of the object in the path may be why the operation refuses."""
        above = f"POST {maker.template.rpartition('/{')[0]}"
        return (
            f", or another one for {above!r}, if it is the object made by that which is refused"
            if above in self.endpoints
            else ""
        )

    # What is in the database

    def add_row(self, endpoint: Endpoint, person: Person) -> str:
        """Make sure that the list has a row at least; returns the list's path."""
        ids = self.ids(endpoint, person)
        path = self.with_query(self.filled(endpoint.template, ids), endpoint, person)
        how = self.hints.rows.get(name_of(endpoint), f"POST {endpoint.template}")
        adder = None if callable(how) else self.endpoints.get(how)
        if callable(how):
            how(self.world, person, ids)
        elif adder is not None:
            known = {**self.ids(adder, person), **ids} if adder.path_ids else {}
            fields_ = getattr(adder.operation.body, "load_fields", {})  # a list below an object is of what names the object
            alike = {name: value for name, value in ids.items() if name in fields_}
            self.create(adder, person, self.filled(adder.template, known), alike)
        if not (self.ask("GET", path, person).data or {}).get("items"):
            raise Unprepared(f"GET {path} lists nothing; say in `rows` which operation adds a row to {name_of(endpoint)!r}")
        return path

    def multiply(self, row: Mapping[str, Any], person: Person, times: int) -> None:
        """Create a number of rows like the one that a list shows, directly in the database."""
        prefix = str(row.get("id", "")).rpartition("_")[0]
        if prefix in self.hints.grown:
            self.hints.grown[prefix](self.world, person, times)
            return
        model = next((model for model in self.app.models if getattr(model._meta, "id_prefix", None) == prefix), None)
        if model is None:
            raise Unprepared(f"no record has the id_prefix {prefix!r} of the listed {row.get('id')!r}")
        try:  # what a transaction writes may be refused at its end
            with self.app.database.transaction(), organization_scope(person.organization_id):
                original = model.get_by_id(row["id"]).row()
                differs = self.hints.copies.get(prefix, _in_nothing)
                insert_rows(
                    model,
                    [copied(model, original, next(self._numbers)) | dict(differs(self.world, person)) for _ in range(times)],
                )
        except peewee.IntegrityError as error:
            reason = str(error).partition("\n")[0]
            told = f"copies of a row of {model.__name__} are refused ({reason}); write in `copies` what differs in a copy"
            raise Unprepared(f"{told}: {{{prefix!r}: lambda world, caller: {{…}}}}") from error

    def events(self) -> int:
        """How many events there are, of all organizations."""
        with system_scope("count events in a test"):
            return int(EventRow.select().count())


def _in_nothing(world: World, person: Person) -> Mapping[str, Any]:
    """A copy differs from its original in nothing else."""
    return {}
