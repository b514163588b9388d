"""Passwords, tokens and keys go through everything that an installation does, and are found nowhere that they do not belong."""

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from secrets import token_hex
from typing import Any

import pytest

from aasim_core.identity import api_keys

from ...bench import processes
from ..client import Client
from ..conftest import Install
from ..installation import Installation


class Gossip(BaseHTTPRequestHandler):
    """A model server that refuses every key and repeats it, as real ones do, in body and headers."""

    def do_POST(self) -> None:
        """Refuse."""
        self.rfile.read(int(self.headers["Content-Length"]))
        key = self.headers["Authorization"]
        error = {"message": f"Incorrect API key provided: {key}", "type": key, "code": key}
        body = json.dumps({"error": error}).encode()
        self.send_response(self.server.status)  # type: ignore[attr-defined]
        self.send_header("X-Key", key)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture
def gossip() -> Iterator[ThreadingHTTPServer]:
    """The model server."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Gossip)
    server.status = 401  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def talkative(install: Install) -> Installation:
    """An installation that logs everything, with API and worker; at the end its answers, logs and files are looked through."""
    installation = install(AASIM_LOG__LEVEL="debug", AASIM_ENGINE_OPENAI__ALLOWED_NETWORKS='["127.0.0.0/8"]')
    installation.start("worker")
    installation.serve()
    return installation


def test_passwords_and_tokens_of_a_whole_visit_stay_secret(talkative: Installation) -> None:
    secrets, visitor = talkative.secrets, talkative.visitor
    email, password, new = "ada@example.org", secrets.new("pw-"), secrets.new("pw-")
    weak = secrets.keep(token_hex(5))
    assert visitor.post("/auth/register", {"name": "Ada", "email": email, "password": weak}).status == 422
    registered = visitor.post("/auth/register", {"name": "Ada", "email": email, "password": password}, Idempotency_Key="one")
    assert visitor.post("/auth/register", {"name": "Ada", "email": email, "password": password}).status in (409, 422)
    assert visitor.post("/auth/login", {"email": email, "password": secrets.new("wrong-")}).status == 401
    assert visitor.post("/auth/login", {"email": email, "password": password, "passwort": password}).status == 422
    assert visitor.post("/auth/login", {"email": email, "password": [password]}).status == 422
    refreshed = visitor.post("/auth/refresh", {"refresh_token": registered.data["refresh_token"]})
    assert refreshed.status == 200
    ada = Client(talkative.port, secrets, refreshed.data["access_token"])
    change = {"current_password": password, "new_password": new}
    assert ada.post("/auth/change-password", change, Idempotency_Key="two").status == 200
    assert visitor.post("/auth/login", {"email": email, "password": new}).status == 200
    assert ada.get(f"/agents?password={new}&access_token={ada.token}").status == 400
    assert ada.get(f"/nowhere/{ada.token}").status == 404
    for credential in (secrets.new("odd "), secrets.keep(api_keys.generate().secret.reveal()), secrets.new("aasim_sk_")):
        assert Client(talkative.port, secrets, credential).get("/auth/me").status == 401
    assert talkative.run("backup", "everything.backup").returncode == 0


def test_a_link_for_a_new_password_is_only_in_its_mail(talkative: Installation) -> None:
    ada = talkative.visitor.register()
    email = ada.get("/auth/me").data["user"]["email"]
    assert talkative.visitor.post("/auth/forgot-password", {"email": email}).status in (200, 202)
    worker = talkative.started[0]
    mail = worker.says("aasim_pr_")
    [token] = set(re.findall(r"aasim_pr_[\w-]+", mail))
    new = talkative.secrets.new("pw-")
    assert talkative.visitor.post("/auth/reset-password", {"token": token, "password": new}).status == 200
    assert talkative.visitor.post("/auth/reset-password", {"token": token, "password": new}).status == 422
    worker.stop()
    worker.log.unlink()  # the mail is in it, for there is no mail server
    talkative.secrets.keep(token)


@pytest.mark.parametrize("status", [400, 401, 429, 500])
def test_a_key_that_a_model_server_repeats_is_shown_to_nobody(
    talkative: Installation, gossip: ThreadingHTTPServer, status: int
) -> None:
    gossip.status = status  # type: ignore[attr-defined]
    ada, key = talkative.visitor.register(), talkative.secrets.new("sk-")
    body = {
        "name": "Gossip", "provider": "openai_compatible", "model": "gossip", "api_key": key,
        "base_url": f"http://127.0.0.1:{gossip.server_address[1]}/v1",
    }  # fmt: skip
    created = ada.post("/engines", body, Idempotency_Key="three")
    assert created.status == 201, created
    engine = f"/engines/{created.data['id']}"
    assert ada.post("/engines", body, Idempotency_Key="three").headers["Idempotency-Replayed"] == "true"
    assert ada.post("/engines", {**body, "api_key": talkative.secrets.new("sk-")}, Idempotency_Key="three").status == 422
    assert ada.post(f"{engine}/test").status in (200, 502)
    assert ada.ask("PATCH", engine, {"api_key": talkative.secrets.new("sk-")}).status == 200
    agent = ada.post("/agents", {"name": "Gossip", "engine_id": created.data["id"], "limits": {"timeout_seconds": 3}}).data["id"]
    execution = ada.execute(agent)
    processes.eventually(lambda: ada.get(f"/executions/{execution}/logs").data["entries"], "what the server said")
    assert talkative.run("jobs", "list").returncode == 0
