"""The contract that every plugin keeps, kept by connected_apps."""

import json
import threading
from collections.abc import Mapping
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from secrets import token_hex
from typing import Any
from urllib.parse import parse_qs, urlsplit

from aasim_core.context import organization_scope
from aasim_core.data.records import create
from aasim_core.tenancy.records import Organization
from aasim_core.testing.contract import PluginContract
from aasim_core.testing.contract.terms import halt
from aasim_core.testing.world import Client, Person, World
from aasim_plugins.connected_apps.models import Use


class _Provider(BaseHTTPRequestHandler):
    """An authorization server and a service that are content with everybody."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer({"access_token": token_hex(16), "token_type": "Bearer", "expires_in": 3600})

    def do_GET(self) -> None:
        self._answer({"hello": "there"})

    def _answer(self, value: Any) -> None:
        content = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


@cache
def _url() -> str:
    """Where the provider answers; by name, for addresses of this machine are closed where nobody opens them."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Provider)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://localhost:{server.server_port}"


def _config(grant: str, whom: str = "somebody") -> dict[str, Any]:
    return {
        "base_url": _url(), "grant": grant, "client_id": "aasim", "token_url": f"{_url()}/token", "revoke_url": f"{_url()}/revoke",
        "authorize_url": f"{_url()}/authorize",
        "operations": [{"name": "greet", "description": f"Greet {whom}.", "method": "GET", "path": "/"}],
    }  # fmt: skip


def _name_of(person: Person) -> str:
    """The name of the person's organization."""
    with organization_scope(person.organization_id):
        return str(Organization.get_by_id(person.organization_id).name)


def _app(world: World, person: Person) -> Mapping[str, Any]:
    """An app that gets its tokens by itself."""
    return {
        "name": f"Orders {token_hex(4)}", "provider": "oauth2", "auth_type": "oauth2",
        "config": _config("client_credentials", _name_of(person)),
        "credentials": {"client_secret": token_hex(16)},
    }  # fmt: skip


def _for_people(client: Client, path: str) -> None:
    """A person has to allow the app to be used."""
    assert client.patch(path.rpartition("/")[0], {"config": _config("authorization_code")}).status == 200


def _answer(world: World, person: Person) -> Mapping[str, Any]:
    """What a provider sends somebody back with."""
    path = f"/connected-apps/{person.client.post('/connected-apps', dict(_app(world, person))).data['id']}/authorize"
    _for_people(person.client, path)
    url = person.client.post(path).data["url"]
    return {"state": parse_qs(urlsplit(url).query)["state"][0], "code": token_hex(8), "session_state": "of the provider's"}


def _use(world: World, person: Person, ids: Mapping[str, str]) -> None:
    """An agent has used the app."""
    with world.app.database.transaction(), organization_scope(person.organization_id):
        create(Use, app_id=ids["connected_app_id"], operation=f"greet {_name_of(person)}", status="succeeded", duration_ms=12)


def _effect(world: World, person: Person) -> Mapping[str, Any]:
    """Another effect of the operation that each of the person's apps has; of none, if they have no app."""
    digest = "0" * 64
    for app in person.client.get("/connected-apps?limit=1").data["items"]:
        [operation] = person.client.get(f"/connected-apps/{app['id']}/operations").data["items"]
        digest = operation["digest"]
    return {"digest": digest, "effect": "grant"}


class TestContract(PluginContract):
    """What every plugin promises."""

    plugin = "connected_apps"
    settings = {"connected_apps.allowed_networks": ["127.0.0.0/8", "::1"]}
    samples = {
        "POST /connected-apps": _app,
        "POST /connected-apps/{connected_app_id}/confirm": {"digests": []},
        "POST /connected-apps/{connected_app_id}/effect": _effect,
        "GET /connected-apps/callback": _answer,
    }
    before = {
        "POST /connected-apps/{connected_app_id}/authorize": _for_people,
        "POST /connected-apps/{connected_app_id}/resume": halt,
    }
    rows = {
        "GET /connected-apps/{connected_app_id}/logs": _use,
        "GET /connected-apps/{connected_app_id}/operations": lambda world, person, ids: None,
    }
    silent = {"POST /connected-apps/{connected_app_id}/confirm": "nothing of the app waits to be confirmed"}
    unasked = {"connected_apps:use": "what agents do asks for it, and no operation"}
