"""The cells of the matrix: what everybody was answered about everything, operation by operation."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from aasim_core.http.operations import Endpoint
from aasim_core.testing.contract.exchanges import Exchange
from aasim_core.testing.contract.stage import name_of

from .ground import Family, Ground, nowhere
from .people import UNSAID, Principal, due, everybody, lacks_permission

UNKNOWN_FIELD = {"no_such_field": 1}
MALFORMED = ("x", "%00", "agent_", "a" * 200)


@dataclass(frozen=True)
class Cell:
    """What one principal was answered about one object, or about none."""

    principal: Principal
    about: str
    family: Family | None
    exchange: Exchange

    def __str__(self) -> str:
        return f"{self.principal.name}, about {self.about}: {self.exchange}"


class Matrix:
    """The answers to everybody, operation by operation; each is asked for once."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.principals = tuple(everybody(ground))
        self.endpoints = ground.own.endpoints
        self._answers: dict[str, list[Cell]] = {}
        self._bodies: dict[str, dict[str, Any]] = {}
        self._queries: dict[str, str] = {}
        ground.settle()
        self.untouched = ground.rows(ground.home)

    def cells(self, name: str) -> list[Cell]:
        """All cells of one operation."""
        if name not in self._answers:
            endpoint = self.endpoints[name]
            self._answers[name] = [cell for principal in self.principals for cell in self._row(endpoint, principal)]
        return self._answers[name]

    @contextmanager
    def meant(self) -> Iterator[None]:
        """What home does itself inside, it may change: that is no harm that others did."""
        before = self.ground.rows(self.ground.home)
        yield
        for table, rows in self.ground.rows(self.ground.home).items():
            changed = set(before[table]) - set(rows)
            self.untouched[table] = [row for row in self.untouched[table] if row not in changed]

    def _row(self, endpoint: Endpoint, principal: Principal) -> Iterator[Cell]:
        for about, family, ids in self._objects(endpoint, principal):
            harmless = due(self.ground, endpoint, principal, family) in (None, UNSAID)
            yield Cell(principal, about, family, self.ask(endpoint, principal, ids, harmless=harmless))

    def _objects(self, endpoint: Endpoint, principal: Principal) -> Iterator[tuple[str, Family | None, Mapping[str, str]]]:
        """What the path may name: in words, whose object it is, and the ids.

        Somebody who holds one permission, and not the one that is asked for, is refused before the object is looked at; that this is so
        is seen of an object at home, one abroad, and one that is not there.
        """
        if not endpoint.path_ids:
            yield "nothing in particular", self.ground.own, {}
            return
        is_refused = len(principal.permissions) == 1 and lacks_permission(endpoint, principal)
        for family in (self.ground.own, self.ground.foreign) if is_refused else self.ground.families:
            yield f"an object {family.name}", family, family.place_of(endpoint)
        ids = self.ground.own.place_of(endpoint)
        last = endpoint.path_ids[-1]
        yield "nothing", None, {**ids, last: nowhere(ids[last])}
        for text in () if is_refused else MALFORMED:
            yield f"{text[:10]!r}", None, {**ids, last: text}

    def ask(
        self, endpoint: Endpoint, principal: Principal, ids: Mapping[str, str], query: str = "", *, harmless: bool = True
    ) -> Exchange:
        """The request; a `harmless` one that may change something has a field that nobody knows, another one is as it is meant."""
        path = self.ground.own.filled(endpoint.template, ids) + (f"?{query}" if query else self._query(endpoint))
        content = self._content(endpoint, harmless=harmless)
        return self.ground.own.ask(endpoint.method, path, principal.person, headers=principal.headers, **content)

    def _query(self, endpoint: Endpoint) -> str:
        """What the operation cannot be asked without; it is of the strangers' own organization."""
        name, foreign = name_of(endpoint), self.ground.foreign
        if name not in self._queries:
            self._queries[name] = foreign.query(endpoint, foreign.person)
        return self._queries[name]

    def _content(self, endpoint: Endpoint, *, harmless: bool) -> dict[str, Any]:
        if not endpoint.writes:
            return {}
        if harmless:
            return {"body": UNKNOWN_FIELD}
        name, foreign = name_of(endpoint), self.ground.foreign
        if name not in self._bodies:
            self._bodies[name] = foreign.content(endpoint, foreign.person)
        return self._bodies[name]

    def can_read(self, principal: Principal, record_id: str) -> bool:
        """Whether the record can be read by itself; True where no operation reads such records."""
        singles = self._singles_of(record_id)
        return not singles or any(self.ask(each, principal, {each.path_ids[0]: record_id}).succeeded for each in singles)

    def records_of(self, endpoint: Endpoint) -> set[str]:
        """The known records that a list of everything has to show to whoever may read them; none for a list of an object's own."""
        if endpoint.path_ids:
            return set()
        singles = [other for other in self._singles() if other.template.rpartition("/")[0] == endpoint.template]
        return {family.place_of(single)[single.path_ids[0]] for single in singles for family in self.ground.families}

    def _singles_of(self, record_id: str) -> list[Endpoint]:
        """The operation that reads one record of the kind; of several the one with the shortest path, which is for all of the kind.

        An id without a prefix does not tell its kind, so it may be read by each that reads such.
        """
        kind = record_id.rpartition("_")[0]
        singles = [
            each for each in self._singles() if self.ground.own.place_of(each)[each.path_ids[0]].rpartition("_")[0] == kind
        ]
        return sorted(singles, key=lambda single: len(single.template))[: 1 if kind else None]

    def _singles(self) -> list[Endpoint]:
        """The operations that read one record by its id."""
        gets = [endpoint for endpoint in self.endpoints.values() if endpoint.method == "GET" and endpoint.permission]
        return [endpoint for endpoint in gets if len(endpoint.path_ids) == 1 and endpoint.template.endswith("}")]
