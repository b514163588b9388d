"""No path of a connected app leads to this side of the internet, unless the operator opens it."""

import socket
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from aasim_core.context import organization_scope
from aasim_core.testing.databases import Databases
from aasim_core.worker.runner import work_off
from aasim_plugins.connected_apps import service
from aasim_plugins.connected_apps.connecting import AppError
from aasim_plugins.connected_apps.models import ConnectedApp

from .conftest import Apps

#: Addresses, and other spellings of them, that lead to this machine, its neighbours or a cloud's metadata.
CLOSED = """
    127.0.0.1 127.1 2130706433 0x7f.1 017700000001 0.0.0.0 10.0.0.1 169.254.169.254 172.16.0.1 192.168.1.1 100.64.0.1 198.18.0.1
    224.0.0.1 255.255.255.255 [::1] [::] [::ffff:127.0.0.1] [::ffff:169.254.169.254] [64:ff9b::a9fe:a9fe] [2002:7f00:1::] [fd00:ec2::254]
    [fe80::1] [2001:db8::1]
""".split()
TOKEN = {"token": "sentinel-of-the-token"}
READ = {"name": "read", "method": "GET", "path": "/"}


@pytest.fixture(scope="session")
def plugin_settings(plugin_settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """Nothing is opened."""
    return {**plugin_settings, "connected_apps.allowed_networks": []}


@pytest.fixture
def databases(sqlite_folder: Databases) -> Databases:
    """One database will do: what is sent does not depend on it."""
    return sqlite_folder


@pytest.fixture
def port() -> Iterator[int]:
    """A port of this machine on which nobody must call."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0)
        yield listener.getsockname()[1]
        with pytest.raises(BlockingIOError):
            listener.accept()


def http(host: str, port: int) -> dict[str, Any]:
    config = {"base_url": f"http://{host}:{port}", "operations": [READ]}
    return {"provider": "http", "auth_type": "bearer", "credentials": TOKEN, "config": config}


def mcp(host: str, port: int) -> dict[str, Any]:
    return {"provider": "mcp", "auth_type": "bearer", "credentials": TOKEN, "config": {"url": f"http://{host}:{port}/mcp"}}


def smtp(host: str, port: int) -> dict[str, Any]:
    config = {"host": host.strip("[]"), "port": port, "sender": "shop@example.com", "encryption": "tls"}
    return {"provider": "smtp", "auth_type": "basic", "credentials": None, "config": config}


def token_server(host: str, port: int) -> dict[str, Any]:
    url = f"http://{host}:{port}"
    config = {
        "base_url": "https://api.example.com", "grant": "client_credentials", "client_id": "aasim", "token_url": f"{url}/token",
        "revoke_url": f"{url}/revoke", "operations": [READ],
    }  # fmt: skip
    return {"provider": "oauth2", "auth_type": "oauth2", "credentials": {"client_secret": "sentinel"}, "config": config}


KINDS: dict[str, Callable[[str, int], dict[str, Any]]] = {"http": http, "mcp": mcp, "smtp": smtp, "token_server": token_server}


@pytest.mark.parametrize("kind", KINDS)
def test_an_app_at_a_closed_address_is_refused_when_it_is_written(apps: Apps, kind: str, port: int) -> None:
    for host in (*CLOSED, "localhost"):
        answer = apps.client.post("/connected-apps", {"name": "Inside", **KINDS[kind](host, port)})
        assert (answer.status, list(answer.codes.values())) == (422, [["url_not_allowed"]]), host


@pytest.fixture
def inside(apps: Apps, monkeypatch: pytest.MonkeyPatch, port: int) -> Callable[[str], dict[str, Any]]:
    """Connects an app of a kind by a name that first is on the internet, and then leads to this machine."""

    def connect(kind: str) -> dict[str, Any]:
        made = apps.connect(name="Rebinding", **KINDS[kind]("rebinding.example", port))
        _answer_with(monkeypatch, "127.0.0.1")
        return made

    return connect


def _answer_with(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    real = socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, *rest: Any, **named: Any) -> Any:
        if host != "rebinding.example":
            return real(host, port, *rest, **named)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


@pytest.mark.parametrize(("kind", "operation"), [("http", "read"), ("smtp", "send_mail"), ("token_server", "read")])
def test_a_name_that_leads_inside_is_not_called(
    apps: Apps, inside: Callable[[str], dict[str, Any]], kind: str, operation: str
) -> None:
    made = inside(kind)
    apps.change(made, status="connected")
    arguments = {"to": "a@example.com", "subject": "x", "text": "x"} if kind == "smtp" else {}

    with pytest.raises(AppError, match=r"rebinding\.example") as caught:
        apps.call(made, operation, arguments)

    assert caught.value.code == "not_allowed"
    assert apps.read(made)["last_error"]["code"] == "not_allowed"


def test_an_mcp_server_whose_name_leads_inside_is_not_asked(apps: Apps, inside: Callable[[str], dict[str, Any]]) -> None:
    made = inside("mcp")

    apps.client.post(f"/connected-apps/{made['id']}/sync")
    work_off(apps.app)

    assert (apps.read(made)["status"], apps.read(made)["last_error"]["code"]) == ("error", "not_allowed")


@pytest.mark.parametrize("kind", KINDS)
def test_a_test_goes_no_further_than_the_name(apps: Apps, inside: Callable[[str], dict[str, Any]], kind: str) -> None:
    made = inside(kind)

    outcome = apps.client.post(f"/connected-apps/{made['id']}/test").data

    assert outcome["ok"] is False
    assert "passed" not in [step["status"] for step in outcome["steps"]]


def test_nothing_is_revoked_inside(apps: Apps, inside: Callable[[str], dict[str, Any]]) -> None:
    made = inside("token_server")
    with organization_scope(apps.owner.organization_id):
        row: ConnectedApp = service.find(made["id"])
        from aasim_core.secrets import Secret
        from aasim_plugins.connected_apps.connecting import Tokens
        from aasim_plugins.connected_apps.credentials.vault import sealed

        tokens = Tokens(Secret("sentinel-access"))
        apps.change(made, secret=sealed(apps.app, row, {"client_secret": Secret("sentinel")}, tokens))

    assert apps.client.post(f"/connected-apps/{made['id']}/revoke").data["status"] == "revoked"


def test_one_closed_address_of_a_name_closes_it(apps: Apps, monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    made = apps.connect(name="Both", **http("rebinding.example", port))
    _answer_with(monkeypatch, "93.184.215.14", "127.0.0.1")

    with pytest.raises(AppError) as caught:
        apps.call(made, "read")

    assert caught.value.code == "not_allowed"
