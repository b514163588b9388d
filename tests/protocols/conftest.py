"""The plugin of docs/extend/protocols.md, as the page has its reader write it, and a sender to its addresses."""

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.http.rate_counters import MemoryWindows
from aasim_core.http.rate_limits import Limiter
from aasim_core.testing.contract.exchanges import Exchange, ask
from aasim_core.testing.selection import only
from aasim_core.testing.world import Person, World

from ..docs.pages import Page, write

PAGE = Page(Path(__file__).parents[2] / "docs" / "extend" / "protocols.md")


@pytest.fixture(scope="session")
def plugin_settings(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """The plugin is in a drop-in folder, and on."""
    folder = tmp_path_factory.mktemp("protocols")
    write(PAGE.files(), folder)
    return {**only(["echo_hooks"], folder), "http.cors_origins": ["https://app.example.com"]}


@dataclass(frozen=True)
class Sender:
    """Somebody who has an address, and sends to it what is signed with its secret, unless told otherwise."""

    wsgi: Any
    path: str
    secret: str

    def send(self, raw: bytes = b'{"order": 7}', method: str = "POST", path: str | None = None, **headers: str) -> Exchange:
        """One request; names of headers are written with underscores."""
        signature = hmac.new(self.secret.encode(), raw, sha256).hexdigest()
        given = {"Content-Type": "application/json", "X-Signature": signature}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        return ask(self.wsgi, method, path or self.path, raw=raw, headers=given, base="")


@pytest.fixture
def owner(world: World) -> Person:
    """The owner of an organization."""
    return world.organization()


@pytest.fixture
def sender_of(world: World) -> Callable[[Person], Sender]:
    """Makes an address in the person's organization."""

    def make(person: Person) -> Sender:
        made = person.client.post("/echo-hooks", {"name": "Orders"}).data
        return Sender(world.anonymous.wsgi, made["path"], made["secret"])

    return make


@pytest.fixture
def sender(sender_of: Callable[[Person], Sender], owner: Person) -> Sender:
    """A sender to an address of the owner's organization."""
    return sender_of(owner)


@pytest.fixture
def limited(app: App) -> Callable[..., None]:
    """Turns rate limits on, with some of them as given."""

    def limit(**most: int) -> None:
        settings = replace(app.settings, rate_limits=replace(app.settings.rate_limits, enabled=True, **most))
        app.limiter = Limiter(settings, MemoryWindows(lambda: 0.0))  # the minute does not end meanwhile

    return limit
