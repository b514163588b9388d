"""Routes beside the API: what others send is taken by their protocol, in the organization that the token belongs to."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import falcon.testing
import pytest

from aasim_core.app import App
from aasim_core.context import organization_scope, system_scope
from aasim_core.events.records import EventRow
from aasim_core.http.protocols import API
from aasim_core.openapi import document
from aasim_core.serving.application import make_wsgi
from aasim_core.tenancy.records import CLOSING, SUSPENDED, Organization
from aasim_core.testing.contract.exchanges import Exchange, ask
from aasim_core.testing.world import Person

from .conftest import Sender

Limit = Callable[..., None]


def refusal(exchange: Exchange) -> tuple[int, str]:
    """The status and the code of a refusal, which is in the form of the protocol."""
    assert exchange.headers["content-type"] == "text/plain; charset=utf-8", exchange
    assert exchange.content.endswith(f"(request {exchange.headers['x-request-id']})\n".encode()), exchange
    return exchange.status, exchange.content.partition(b":")[0].decode()


def received(person: Person) -> list[dict[str, Any]]:
    """What was kept in the person's organization."""
    with organization_scope(person.organization_id):
        return [row.data for row in EventRow.select().where(EventRow.name == "echo_hooks.received")]


def switch(person: Person, status: str) -> None:
    """Switch the plugin on or off for the person's organization."""
    path = f"/plugins/echo_hooks/organizations/{person.organization_id}"
    assert person.client.put(path, {"status": status}).data["status"] == status


# What is taken


@pytest.mark.long
def test_what_is_signed_is_kept_where_the_token_belongs(sender: Sender, owner: Person, world: Any) -> None:
    other = world.organization()
    exchange = sender.send(b"\xff\x00 not even text", Content_Type="text/plain")
    assert (exchange.status, exchange.content) == (202, b'{"bytes":16}')
    assert exchange.headers["content-type"] == "application/json"
    assert [row["bytes"] for row in received(owner)] == [16]
    assert received(other) == []


def test_the_log_of_events_names_the_address_and_the_network(sender: Sender, owner: Person) -> None:
    sender.send(X_Request_Id="delivery-0001")
    with organization_scope(owner.organization_id):
        row = EventRow.get(EventRow.name == "echo_hooks.received")
    told = (row.actor_type, row.actor_id, row.actor_label, row.actor_ip, row.request_id, row.subject_label)
    assert told == ("anonymous", None, "Orders", "127.0.0.1", "delivery-0001", "Orders")


def test_no_body_is_a_body_of_no_bytes(sender: Sender, owner: Person) -> None:
    assert sender.send(b"").status == 202
    assert [row["bytes"] for row in received(owner)] == [0]


def test_a_key_is_the_callers_own_and_what_is_sent_again_is_done_once(
    sender: Sender, sender_of: Callable[[Person], Sender], owner: Person
) -> None:
    first, again = (sender.send(Idempotency_Key="key-1") for _ in range(2))
    assert (again.status, again.content, again.headers["idempotency-replayed"]) == (202, first.content, "true")
    assert refusal(sender.send(b"other", Idempotency_Key="key-1")) == (422, "idempotency_key_reused")
    assert "idempotency-replayed" not in sender_of(owner).send(Idempotency_Key="key-1").headers
    assert len(received(owner)) == 2


def test_a_get_and_its_head_answer_text(sender: Sender) -> None:
    got, head = (sender.send(b"", method) for method in ("GET", "HEAD"))
    assert (got.status, got.content, got.headers["content-type"]) == (200, b"Orders\n", "text/plain; charset=utf-8")
    assert (head.status, head.content, head.headers["content-length"]) == (200, b"", "7")


# What is refused


@pytest.mark.parametrize("signature", ["", "0" * 64, "ä", "\x7f"])
def test_a_bad_signature_is_refused_and_noted(sender: Sender, owner: Person, signature: str) -> None:
    assert refusal(sender.send(X_Signature=signature)) == (403, "permission_denied")
    assert received(owner) == []
    with organization_scope(owner.organization_id):
        (noted,) = EventRow.select().where(EventRow.name == "core.permission_denied")
    assert (noted.data["operation"], noted.actor_label) == ("POST /echo-hooks/{token}", "Orders")


@pytest.mark.parametrize(
    ("raw", "headers", "refused"),
    [
        (b"a" * 65_537, {}, (413, "payload_too_large")),
        (b"<a/>", {"Content_Type": "application/xml"}, (415, "unsupported_media_type")),
        (b"{}", {"Content_Type": "application/json; charset=latin-1"}, (415, "unsupported_media_type")),
        (b"{}", {"Content_Type": ""}, (415, "unsupported_media_type")),
        (b"{}", {"Content_Encoding": "gzip"}, (415, "unsupported_media_type")),
        (b"5\r\nnonse\r\n", {"Transfer_Encoding": "chunked"}, (411, "length_required")),
        (b"{}", {"Idempotency_Key": "\xe4"}, (400, "invalid_parameter")),
        (b"{}", {"If_Match": '"9"'}, (412, "version_conflict")),
    ],
)
def test_a_request_that_cannot_be_taken_is_refused(
    sender: Sender, owner: Person, raw: bytes, headers: dict[str, str], refused: tuple[int, str]
) -> None:
    assert refusal(sender.send(raw, **headers)) == refused
    assert received(owner) == []


def test_a_length_that_is_none_or_not_kept_is_refused(sender: Sender) -> None:
    for length, status in (("-1", 400), ("x", 400), ("9", 400)):
        environ = falcon.testing.create_environ(sender.path, method="POST", headers={"Content-Type": "text/plain"}, body="{}")
        environ["CONTENT_LENGTH"] = length
        seen: list[str] = []
        body = b"".join(sender.wsgi(environ, lambda line, headers, seen=seen: seen.append(line)))
        assert (int(seen[0][:3]), body[:12]) == (status, b"bad_request:"), length


def test_an_unknown_query_parameter_is_refused(sender: Sender) -> None:
    assert refusal(sender.send(path=f"{sender.path}?x=1")) == (400, "unknown_parameter")


@pytest.mark.parametrize("token", ["", "unknown", "a" * 4_000, "%00", "%ff", "' OR 1=1 --", "*", "\u00e4"])
def test_an_unknown_token_is_like_nothing(sender: Sender, token: str) -> None:
    assert refusal(sender.send(path=f"/echo-hooks/{token}")) == (404, "not_found")


def test_other_paths_and_methods_are_refused_in_the_form_of_the_protocol(sender: Sender) -> None:
    for path in ("/echo-hooks", f"{sender.path}/", f"{sender.path}/more"):
        exchange = sender.send(path=path)
        assert refusal(exchange) == (404, "route_not_found"), path
        assert b"openapi" not in exchange.content
    for method in ("PUT", "PATCH", "DELETE"):
        exchange = sender.send(method=method)
        assert refusal(exchange) == (405, "method_not_allowed"), method
        assert exchange.headers["allow"] == "GET, HEAD, POST, OPTIONS"
    assert ask(sender.wsgi, "GET", "/echo-hooksy", base="").body["success"] is False


def test_options_says_what_there_is_and_pages_of_no_origin_may_call(sender: Sender) -> None:
    page = {"Origin": "https://app.example.com", "Access_Control_Request_Method": "POST"}
    exchange = sender.send(b"", "OPTIONS", **page)
    assert exchange.headers["allow"] == "GET, HEAD, POST"
    assert not [name for name in exchange.headers if name.startswith("access-control")]


def test_an_error_that_nobody_expected_has_the_form_of_the_protocol(
    app: App, sender: Sender, owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbound_of(app), "find", lambda self, req, token: 1 / 0)
    assert refusal(sender.send()) == (500, "internal_error")


# Whose token it is


def test_where_the_plugin_is_off_for_the_organization_its_addresses_are_not_there(
    sender: Sender, owner: Person, world: Any
) -> None:
    switch(owner, "disabled")
    assert refusal(sender.send()) == (404, "feature_disabled")
    assert refusal(sender.send(b"", "GET")) == (404, "feature_disabled")
    switch(owner, "active")
    assert sender.send().status == 202


@pytest.mark.parametrize(("status", "refused"), [(SUSPENDED, (403, "organization_suspended")), (CLOSING, (404, "not_found"))])
def test_an_organization_that_is_suspended_or_about_to_be_deleted_takes_nothing(
    sender: Sender, owner: Person, status: str, refused: tuple[int, str]
) -> None:
    with system_scope("test"):
        Organization.update(status=status).where(Organization.id == owner.organization_id).execute()
    assert refusal(sender.send()) == refused
    assert received(owner) == []


# Limits


def test_an_address_has_the_limit_of_a_caller_whatever_network_it_is_called_from(
    sender: Sender, sender_of: Callable[[Person], Sender], owner: Person, limited: Limit
) -> None:
    other = sender_of(owner)
    limited(principal_per_minute=2, anonymous_per_minute=1)
    assert [sender.send().status for _ in range(2)] == [202, 202]
    exchange = sender.send()
    assert refusal(exchange) == (429, "rate_limited")
    assert int(exchange.headers["retry-after"]) > 0
    assert exchange.headers["ratelimit-policy"] == '"principal";q=2;w=60'
    assert other.send().status == 202


def test_the_organization_has_its_limit_too(sender: Sender, limited: Limit) -> None:
    limited(organization_per_minute=1)
    assert [sender.send().status for _ in range(2)] == [202, 429]


def test_guessing_tokens_counts_against_the_network(sender: Sender, limited: Limit) -> None:
    limited(anonymous_per_minute=2)
    guesses = [refusal(sender.send(path="/echo-hooks/guess"))[0] for _ in range(3)]
    assert guesses == [404, 404, 429]
    assert sender.send().status == 202


# Other protocols


def inbound_of(app: App) -> Any:
    """The class of the plugin's resource beside the API."""
    return next(type(endpoint.resource) for endpoint in app.endpoints if not endpoint.in_api)


@pytest.fixture
def speaking(app: App, sender: Sender, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Sender]:
    """The sender to an address whose protocol is otherwise as given."""

    def change(**otherwise: Any) -> Sender:
        monkeypatch.setattr(inbound_of(app), "protocol", replace(inbound_of(app).protocol, **otherwise))
        return replace(sender, wsgi=make_wsgi(app))

    return change


def test_any_type_can_be_taken(speaking: Callable[..., Sender]) -> None:
    sender = speaking(media_types=("*/*",))
    assert [sender.send(Content_Type=kind).status for kind in ("application/xml; a=b", "", "nonsense")] == [202, 202, 202]


def test_pages_of_the_configured_origins_may_call_where_the_protocol_says_so(speaking: Callable[..., Sender]) -> None:
    sender = speaking(cors=True)
    page = {"Origin": "https://app.example.com", "Access_Control_Request_Method": "POST"}
    assert sender.send(b"", "OPTIONS", **page).status == 204
    for answer in (sender.send(Origin=page["Origin"]), sender.send(Origin=page["Origin"], X_Signature="")):
        assert answer.headers["access-control-allow-origin"] == page["Origin"]


def test_without_raw_a_body_is_json_as_in_the_api(speaking: Callable[..., Sender]) -> None:
    sender = speaking(raw=False)
    assert refusal(sender.send(b'{"a": ')) == (400, "malformed_json")
    assert refusal(sender.send(b'{"a": 1}')) == (422, "unknown_field")


def test_without_a_limit_of_its_own_a_body_has_that_of_the_api(app: App, speaking: Callable[..., Sender]) -> None:
    sender = speaking(max_body_bytes=None)
    assert sender.send(b"a" * app.settings.http.max_body_bytes).status == 202
    assert sender.send(b"a" * (app.settings.http.max_body_bytes + 1)).status == 413


def test_the_document_is_about_the_api_only(owner: Person) -> None:
    paths = owner.client.get("/openapi.json").body["paths"]
    assert "/api/v1/echo-hooks" in paths
    assert [path for path in paths if not path.startswith("/api/v1/")] == []


def test_an_operation_of_the_api_can_be_for_whoever_has_a_token(
    app: App, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbound_of(app), "protocol", API)
    app.endpoints = [replace(endpoint) for endpoint in app.endpoints]
    wsgi = make_wsgi(app)
    answers = [ask(wsgi, "GET", path) for path in (sender.path, "/echo-hooks/unknown")]
    assert [answer.status for answer in answers] == [200, 404]
    assert answers[1].codes == {"_": ["not_found"]}
    described = document(app)["paths"]["/api/v1/echo-hooks/{token}"]["get"]
    assert (described["x-permission"], described["security"]) == ("token", [])
    assert "It needs the token in its path, and no credential." in described["description"]
    assert {"403", "404"} <= described["responses"].keys() and "401" not in described["responses"]
