"""An app with connected apps and what they need, and nothing else that is bundled; loopback is a network where apps may be."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from aasim_core.context import organization_scope
from aasim_core.events.records import EventRow
from aasim_core.worker.runner import work_off
from aasim_plugins.connected_apps import service
from aasim_plugins.connected_apps.connecting import HttpAnswer, HttpRequest
from aasim_plugins.connected_apps.models import ConnectedApp

from .oauth.provider import CLIENT_ID, CLIENT_SECRET, Provider
from .peers import Service, serving

ON = {"api_keys", "auth", "agents", "engines", "engine_scripted", "executions", "connected_apps"}
REDIRECT = "http://127.0.0.1:8000/api/v1/connected-apps/callback"
TOKEN = "sentinel-of-the-token"


@pytest.fixture(scope="session")
def plugin_settings() -> Mapping[str, Any]:
    """Every other bundled plugin is off."""
    bundled = {file.parent.name for file in (Path(__file__).parents[2] / "plugins").glob("*/__init__.py")}
    return {"plugins.disabled": sorted(bundled - ON), "connected_apps.allowed_networks": ["127.0.0.0/8", "::1"]}


@pytest.fixture
def owner(world: Any) -> Any:
    """Somebody who may do everything."""
    return world.organization()


@pytest.fixture
def peer() -> Iterator[Service]:
    """An HTTP service."""
    with serving(Service()) as service:
        yield service


@pytest.fixture
def provider() -> Iterator[Provider]:
    """A service with OAuth 2."""
    provider = Provider(REDIRECT)
    with serving(provider):
        yield provider


class Apps:
    """Connects apps as the owner does, and calls them as the loop of agents does."""

    def __init__(self, app: Any, owner: Any) -> None:
        self.app, self.owner, self.client = app, owner, owner.client

    def connect(self, **body: Any) -> dict[str, Any]:
        """A new app."""
        answer = self.client.post("/connected-apps", body)
        assert answer.status == 201, answer
        return dict(answer.data)

    def http(self, peer: Service, operations: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        """A service with a bearer token and these operations."""
        config = {"base_url": peer.url, "operations": operations, **more.pop("config", {})}
        return self.connect(
            **{"name": "Orders", "provider": "http", "auth_type": "bearer", "credentials": {"token": TOKEN}, **more},
            config=config,
        )

    def oauth(
        self, provider: Provider, grant: str = "authorization_code", other_requests: Sequence[str] = (), **more: Any
    ) -> dict[str, Any]:
        """A service with OAuth 2, that nobody has allowed to be used yet."""
        config = {
            "base_url": provider.url, "grant": grant, "client_id": CLIENT_ID, "token_url": f"{provider.url}/token",
            "authorize_url": f"{provider.url}/authorize", "revoke_url": f"{provider.url}/revoke",
            "operations": [{"name": "who", "method": "GET", "path": "/me"}], "other_requests": list(other_requests),
        }  # fmt: skip
        return self.connect(
            name="People", provider="oauth2", auth_type="oauth2", config=config, scopes=["profile"],
            credentials={"client_secret": CLIENT_SECRET}, **more,
        )  # fmt: skip

    def authorize(self, provider: Provider, made: Mapping[str, Any]) -> dict[str, Any]:
        """Allow the app to be used, as a person does in a browser."""
        url = self.client.post(f"/connected-apps/{made['id']}/authorize").data["url"]
        back = provider.allow(url)
        query = "&".join(f"{name}={value}" for name, value in back.items())
        assert self.client.get(f"/connected-apps/callback?{query}").data == {"allowed": True}
        work_off(self.app)
        return self.read(made)

    def read(self, made: Mapping[str, Any]) -> dict[str, Any]:
        """The app as it is now."""
        return dict(self.client.get(f"/connected-apps/{made['id']}").data)

    def record(self, made: Mapping[str, Any]) -> ConnectedApp:
        """Its record as it is now."""
        with organization_scope(self.owner.organization_id):
            return service.find(made["id"])

    def change(self, made: Mapping[str, Any], **values: Any) -> None:
        """Write into its record, past the API."""
        with organization_scope(self.owner.organization_id), self.app.database.transaction():
            ConnectedApp.update(**values).where(ConnectedApp.id == made["id"]).execute()

    def call(self, made: Mapping[str, Any], operation: str, arguments: Any = None, **more: Any) -> Any:
        """Call an operation."""
        options = {"idempotency_key": "exec_1:call_1", **more}
        with organization_scope(self.owner.organization_id):
            return service.call_operation(self.app, made["id"], operation, arguments or {}, **options)

    def send(self, made: Mapping[str, Any], wanted: HttpRequest, **more: Any) -> HttpAnswer:
        """Make a request that no operation declares."""
        with organization_scope(self.owner.organization_id):
            return service.send_request(self.app, made["id"], wanted, **more)

    def request_contract(self, made: Mapping[str, Any]) -> str:
        """What such a request does besides what is written in it."""
        with organization_scope(self.owner.organization_id):
            return service.request_contract_of(self.app, service.find(made["id"]))

    def uses(self, made: Mapping[str, Any]) -> list[tuple[str, str, str | None]]:
        """Operation, status and code of each use, the first one first."""
        items = self.client.get(f"/connected-apps/{made['id']}/logs?sort=created_at").data["items"]
        return [(item["operation"], item["status"], item["code"]) for item in items]

    def events(self, made: Mapping[str, Any]) -> list[str]:
        """The names of the app's events, without the plugin's."""
        with organization_scope(self.owner.organization_id):
            found = EventRow.select(EventRow.name).where(EventRow.subject_id == made["id"]).order_by(EventRow.at, EventRow.id)
            return [event.name.partition(".")[2] for event in found]


@pytest.fixture
def apps(app: Any, owner: Any) -> Apps:
    """The apps of the owner's organization."""
    return Apps(app, owner)


@pytest.fixture
def work(app: Any) -> Callable[[], int]:
    """Does the jobs that are ready."""
    return lambda: work_off(app)
