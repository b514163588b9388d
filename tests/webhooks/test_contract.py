"""The contract that every plugin keeps, kept by webhooks."""

import threading
from collections.abc import Mapping
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from secrets import token_hex
from typing import Any

from aasim_core.clock import now, to_text
from aasim_core.context import organization_scope
from aasim_core.data.records import create
from aasim_core.ids import new_id
from aasim_core.tenancy.records import Organization
from aasim_core.testing.contract import PluginContract
from aasim_core.testing.world import Person, World
from aasim_plugins.webhooks.models import Delivery


class _Receiver(BaseHTTPRequestHandler):
    """Takes everything."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


@cache
def _url() -> str:
    """Where the receiver answers; by name, for addresses of this machine are closed where nobody opens them."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Receiver)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://localhost:{server.server_port}"


def _webhook(world: World, person: Person) -> Mapping[str, Any]:
    return {"url": _url(), "events": ["webhooks.created"], "description": f"Back office {token_hex(4)}"}


def _delivery(world: World, person: Person, ids: Mapping[str, str]) -> str:
    """Something has happened that the webhook is for, and it has answered."""
    with world.app.database.transaction(), organization_scope(person.organization_id):
        said = f"Thank you, {Organization.get_by_id(person.organization_id).name}."
        told = {"code": "refused", "http_status": 500, "duration_ms": 12, "response_body": said, "attempted_at": to_text(now())}
        values = {"webhook_id": ids["webhook_id"], "event_id": new_id("evt"), "event": "webhooks.created"}
        return str(create(Delivery, **values, attempts=1, last_attempt=told).id)


def _new_event(world: World, person: Person) -> Mapping[str, Any]:
    return {"event_id": new_id("evt")}


class TestContract(PluginContract):
    """What every plugin promises."""

    plugin = "webhooks"
    settings = {"webhooks.allowed_networks": ["127.0.0.0/8", "::1"]}
    samples = {
        "POST /webhooks": _webhook,
        "PUT /webhooks/{webhook_id}": _webhook,
        "PATCH /webhooks/{webhook_id}": {"description": "Another"},
    }
    members = {"/webhooks/{webhook_id}/deliveries/{delivery_id}": _delivery}
    rows = {"GET /webhooks/{webhook_id}/deliveries": _delivery}
    silent = {"POST /webhooks/{webhook_id}/preview": "It changes nothing."}
    copies = {"delivery": _new_event}
