"""A small test world: an app over an empty database, organizations, people with roles, and a client for each of them."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from falcon.testing import StartResponseMock, closed_wsgi_iterable, create_environ

from ..access import grants, tree
from ..access.records import Role
from ..context import organization_scope, system_scope
from ..identity import accounts
from ..identity.clients import Client as Device
from ..ids import new_id
from ..tenancy import people
from ..tenancy.records import Organization, User

if TYPE_CHECKING:
    from ..app import App

BASE = "/api/v1"


class Called(NamedTuple):
    """What a server would send; the names of headers are compared without regard to case."""

    status: int
    headers: Mapping[str, str]
    content: bytes


def call(wsgi: Any, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes = b"") -> Called:
    """Make one request of a WSGI app, and read the answer to its end.

    `falcon.testing.simulate_request` validates each call besides, which takes longer than most answers.
    """
    start = StartResponseMock()
    content = b"".join(closed_wsgi_iterable(wsgi(create_environ(path, query, method=method, headers=headers, body=body), start)))
    return Called(int(str(start.status)[:3]), start.headers_dict, content)


@dataclass(frozen=True)
class Answer:
    """What the API answered."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def data(self) -> Any:
        """The envelope's data; AssertionError, with the whole answer, if it was not a success."""
        assert self._says(success=True), (self.status, self.body)  # noqa: S101
        return self.body["data"]

    @property
    def codes(self) -> dict[str, list[str]]:
        """The error codes by field."""
        assert self._says(success=False), (self.status, self.body)  # noqa: S101
        return {name: [problem["code"] for problem in problems] for name, problems in self.body["errors"].items()}

    def _says(self, *, success: bool) -> bool:
        return isinstance(self.body, dict) and self.body.get("success") is success


@dataclass(frozen=True)
class Client:
    """Calls the API on behalf of the `token`'s holder."""

    wsgi: Any
    token: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """One request below ``/api/v1``; header names are written with underscores."""
        sent = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        if self.token is not None:
            sent["Authorization"] = f"Bearer {self.token}"
        where, _, query = path.partition("?")
        if body is not None:
            sent["Content-Type"] = "application/json"
        status, received, content = call(
            self.wsgi, method, BASE + where, query, sent, b"" if body is None else json.dumps(body).encode()
        )
        is_json = content and received.get("content-type", "").startswith("application/json")
        return Answer(status, received, json.loads(content) if is_json else content.decode())

    def pieces(self, path: str) -> Iterator[bytes]:
        """The pieces of an answer, as a server gets them; the first one is made when it is asked for."""
        where, _, query = path.partition("?")
        headers = {"Authorization": f"Bearer {self.token}"}
        environ = create_environ(BASE + where, query_string=query, headers=headers)
        seen: list[str] = []
        answer = self.wsgi(environ, lambda status, headers, exc_info=None: seen.append(status))
        assert seen == ["200 OK"], seen  # noqa: S101
        try:
            yield from answer
        finally:
            answer.close()

    def get(self, path: str, **headers: str) -> Answer:
        """Read."""
        return self.ask("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        """Create, or do."""
        return self.ask("POST", path, body, **headers)

    def put(self, path: str, body: Any = None, **headers: str) -> Answer:
        """Replace."""
        return self.ask("PUT", path, body, **headers)

    def patch(self, path: str, body: Any = None, **headers: str) -> Answer:
        """Change."""
        return self.ask("PATCH", path, body, **headers)

    def delete(self, path: str, **headers: str) -> Answer:
        """Delete."""
        return self.ask("DELETE", path, **headers)


@dataclass(frozen=True)
class Person:
    """A member of an organization, with a client that speaks for them."""

    user_id: str
    organization_id: str
    client: Client


class World:
    """Makes organizations and people, directly in the database, and clients for them."""

    def __init__(self, app: "App", wsgi: Any) -> None:
        self.app = app
        self.anonymous = Client(wsgi)
        self._made = 0

    def organization(self, name: str = "Acme") -> Person:
        """A new organization; the answer is its owner."""
        with self.app.database.transaction(), system_scope("test"):
            user = self._user()
            organization = accounts.found_organization(name, user)
        return self._person(user, organization)

    def member(self, owner: Person, role: str, node_id: str | None = None) -> Person:
        """A new member of the owner's organization who holds a built-in role, everywhere or below a node."""
        with self.app.database.transaction(), organization_scope(owner.organization_id):
            with system_scope("test"):
                user = self._user()
            people.join(user.id)
            grants.grant("user", user.id, Role.get(Role.name == role), node_id)
            organization = Organization.get_by_id(owner.organization_id)
        return self._person(user, organization)

    def again(self, person: Person) -> Person:
        """The same person, in another session."""
        with system_scope("test"):
            return self._person(User.get_by_id(person.user_id), Organization.get_by_id(person.organization_id))

    def node(self, owner: Person, kind: str, parent_id: str | None = None) -> str:
        """A new node in the tree of the owner's organization; returns its id."""
        prefix = {"branch": "branch", "department": "dept", "project": "project"}[kind]
        with self.app.database.transaction(), organization_scope(owner.organization_id):
            return str(tree.add(kind, new_id(prefix), parent_id).id)

    def _user(self) -> User:
        self._made += 1
        return accounts.create_user(f"person{self._made}@example.org", f"Person {self._made}", None)

    def _person(self, user: User, organization: Organization) -> Person:
        with self.app.database.transaction(), organization_scope(organization.id):
            tokens = self.app.sessions.start(user, organization.id, Device("127.0.0.1", "aasim tests"))
        return Person(user.id, organization.id, replace(self.anonymous, token=tokens.access_token))
