"""Nodes that send requests with the credentials of connected apps: what goes out, what comes back, and what must not be."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.tenancy import feature_switches as features
from aasim_core.testing.peer import Handler, Peer, serving
from aasim_core.testing.world import Person, World

from ...executions.passing_time import make_due
from ..conftest import node, read

Run = Callable[..., dict[str, Any]]
_TOKEN = "sentinel-of-the-token"


@pytest.fixture
def peer() -> Iterator[Peer]:
    """A service that repeats the credentials that it is sent."""
    with serving() as peer:
        peer.behaviour = _repeat
        yield peer


def _repeat(handler: Handler) -> None:
    sent = handler.headers.get("Authorization", "")
    handler.answer(200, {"you": sent}, Content_Type="application/json", X_You=sent)


@pytest.fixture
def connect(owner: Person, peer: Peer) -> Callable[..., str]:
    """Connects the service as an app that takes GET and POST below /v1; returns the app's id."""

    def connect(**config: Any) -> str:
        answer = owner.client.post("/connected-apps", app_of(peer, **config))
        assert answer.status == 201, answer
        return str(answer.data["id"])

    return connect


def app_of(peer: Peer, **config: Any) -> dict[str, Any]:
    """The app as it is written."""
    return {
        "name": "Orders", "provider": "http", "auth_type": "bearer", "credentials": {"token": _TOKEN},
        "config": {"base_url": f"{peer.url}/v1", "other_requests": ["GET", "POST"], **config},
    }  # fmt: skip


def fetch(app_id: str, url: str, **config: Any) -> dict[str, Any]:
    """A node that sends a request with the app's credentials."""
    return node("fetch", "http", url=url, connected_app_id=app_id, **config)


def error_of(told: dict[str, Any]) -> str:
    """The code with which the run failed."""
    return str((told["execution"]["error"] or {}).get("code"))


def test_a_request_goes_out_with_the_credentials_of_the_app_and_nobody_sees_them(
    run: Run, peer: Peer, connect: Callable[..., str], owner: Person
) -> None:
    told = run([fetch(connect(), f"{peer.url}/v1/orders/7", method="POST", body={"amount": 2}, query={"full": True})])
    assert (peer.paths, peer.bodies) == (["/v1/orders/7?full=true"], [{"amount": 2}])
    assert peer.headers[0]["Authorization"] == f"Bearer {_TOKEN}"
    assert told["execution"]["output"]["status"] == 200
    run_id = told["execution"]["id"]
    everything = [told, *(owner.client.get(f"/executions/{run_id}/{part}").body for part in ("logs", "tool-calls", "steps"))]
    assert _TOKEN not in str(everything)
    assert told["execution"]["output"]["headers"]["x-you"] == told["execution"]["output"]["body"]["you"] != ""


def test_each_use_is_told_of_in_the_log_of_the_app(run: Run, peer: Peer, connect: Callable[..., str], owner: Person) -> None:
    app_id = connect()
    told = run([fetch(app_id, f"{peer.url}/v1/orders")])
    run([fetch(app_id, f"{peer.url}/v1/{{{{ input }}}}")], given="..")
    uses = owner.client.get(f"/connected-apps/{app_id}/logs?sort=created_at").data["items"]
    assert [(use["operation"], use["status"], use["code"]) for use in uses] == [
        ("GET", "succeeded", None),
        ("GET", "refused", "not_allowed"),
    ]
    assert uses[0]["execution_id"] == told["execution"]["id"]


@pytest.mark.parametrize("filled", ["../admin", "%252e%252e/admin", "..;x/admin", "a%2F..%2F..%2Fadmin"])
def test_what_is_filled_in_leads_to_no_other_path(run: Run, peer: Peer, connect: Callable[..., str], filled: str) -> None:
    told = run([fetch(connect(), f"{peer.url}/v1/{{{{ input }}}}")], given=filled)
    assert (error_of(told), peer.paths) == ("not_allowed", [])


def test_a_redirect_is_not_followed(run: Run, peer: Peer, connect: Callable[..., str]) -> None:
    peer.behaviour = lambda handler: handler.answer(302, b"", Location=f"{peer.url}/v1/elsewhere")
    told = run([fetch(connect(), f"{peer.url}/v1/orders")])
    assert (error_of(told), len(peer.paths)) == ("unexpected_status", 1)


def test_what_the_app_says_goes_before_what_the_node_says(run: Run, peer: Peer, connect: Callable[..., str]) -> None:
    run([fetch(connect(headers={"X-Tenant": "ours"}), f"{peer.url}/v1/a", headers={"x-tenant": "theirs", "X-Mine": "1"})])
    sent = {name.lower(): value for name, value in peer.headers[0].items()}
    assert (sent["x-tenant"], sent["x-mine"]) == ("ours", "1")


def test_a_key_in_the_query_is_that_of_the_app(run: Run, peer: Peer, owner: Person) -> None:
    body = app_of(peer, api_key={"in": "query", "name": "key"}) | {"auth_type": "api_key", "credentials": {"api_key": _TOKEN}}
    app_id = owner.client.post("/connected-apps", body).data["id"]
    run([fetch(app_id, f"{peer.url}/v1/a?key=theirs", query={"page": 2})])
    assert peer.paths == [f"/v1/a?key={_TOKEN}&page=2"]


def test_headers_by_which_services_take_another_request_do_not_go_out(run: Run, peer: Peer, connect: Callable[..., str]) -> None:
    told = run([fetch(connect(), f"{peer.url}/v1/a", headers={"X-HTTP-Method-Override": "DELETE"})])
    assert (error_of(told), peer.paths) == ("invalid_request", [])


def test_a_401_is_told_by_a_name_of_its_own_and_ends_nothing_for_others(
    run: Run, peer: Peer, connect: Callable[..., str], owner: Person
) -> None:
    peer.behaviour = lambda handler: handler.answer(401, {"why": "not you"})
    app_id = connect()
    assert error_of(run([fetch(app_id, f"{peer.url}/v1/a")])) == "auth"
    app = owner.client.get(f"/connected-apps/{app_id}").data
    assert (app["status"], app["last_error"]["message"]) == ("connected", "the service answered 401")


@pytest.mark.parametrize(("verb", "code"), [("halt", "app_halted"), ("revoke", "app_not_connected")])
def test_an_app_that_cannot_be_used_sends_nothing(
    run: Run, peer: Peer, connect: Callable[..., str], owner: Person, verb: str, code: str
) -> None:
    app_id = connect()
    assert owner.client.post(f"/connected-apps/{app_id}/{verb}", {"reason": "x"} if verb == "halt" else None).status == 200
    assert (error_of(run([fetch(app_id, f"{peer.url}/v1/a")])), peer.paths) == (code, [])


def test_whoever_starts_a_run_has_to_be_allowed_to_use_the_app(
    make: Any, peer: Peer, connect: Callable[..., str], owner: Person, world: World, work: Callable[[], int]
) -> None:
    workflow, operator = make([fetch(connect(), f"{peer.url}/v1/a")]), world.member(owner, "operator")
    run_id = operator.client.post(f"/workflows/{workflow['id']}/execute", {}).data["id"]
    assert owner.client.put(f"/users/{operator.user_id}/status", {"status": "suspended"}).status == 200
    work()
    assert (read(owner, run_id)["execution"]["status"], peer.paths) == ("failed", [])


def test_an_app_that_changes_after_a_run_has_begun_is_looked_at_again(
    make: Any, peer: Peer, connect: Callable[..., str], owner: Person, work: Callable[[], int]
) -> None:
    app_id = connect()
    workflow = make([node("nap", "wait", signal={"name": "go"}), fetch(app_id, f"{peer.url}/v1/a")], "nap>fetch")
    run_id = owner.client.post(f"/workflows/{workflow['id']}/execute", {}).data["id"]
    work()
    config = app_of(peer)["config"] | {"other_requests": ["DELETE"]}
    assert owner.client.patch(f"/connected-apps/{app_id}", {"config": config}).status == 200
    assert owner.client.post(f"/executions/{run_id}/signals", {"name": "go"}).status in (200, 202)
    work()
    assert (error_of(read(owner, run_id)), peer.paths) == ("not_allowed", [])


def test_a_run_waits_while_apps_are_off_for_the_organization(
    make: Any, peer: Peer, connect: Callable[..., str], owner: Person, work: Callable[[], int], app: App
) -> None:
    workflow = make([fetch(connect(), f"{peer.url}/v1/a")])
    run_id = owner.client.post(f"/workflows/{workflow['id']}/execute", {}).data["id"]
    for on, status, sent in ((False, "blocked", []), (True, "succeeded", ["/v1/a"])):
        with organization_scope(owner.organization_id), app.database.transaction():
            features.switch(owner.organization_id, "connected_apps", on)
        make_due(app)
        work()
        assert (read(owner, run_id)["execution"]["status"], peer.paths) == (status, sent)


class TestFaults:
    """What is told when a definition is written."""

    @pytest.fixture
    def faults(self, owner: Person) -> Callable[..., dict[str, str]]:
        """The faults of a node, by their places in its config."""

        def faults(nodes: dict[str, Any], client: Any = owner.client) -> dict[str, str]:
            definition = {"language": 1, "nodes": [nodes]}
            found = client.post("/workflows/validate", {"definition": definition}).data["faults"]
            return {fault["path"].removeprefix("nodes.fetch.config."): fault["code"] for fault in found}

        return faults

    def test_a_good_one_has_none(self, faults: Any, peer: Peer, connect: Callable[..., str]) -> None:
        """What is filled in stands behind the address."""
        assert faults(fetch(connect(), f"{peer.url}/v1/orders/{{{{ input.order }}}}")) == {}

    def test_an_app_that_is_not_there(self, faults: Any, peer: Peer) -> None:
        """Nor in another organization."""
        assert faults(fetch("capp_01h455vb4pex5vsknk084sn02q", f"{peer.url}/v1/a")) == {"connected_app_id": "invalid_reference"}

    def test_an_app_that_the_writer_may_not_use(
        self, faults: Any, peer: Peer, connect: Callable[..., str], owner: Person, world: World
    ) -> None:
        """They are told the same as of one that is not there, and nothing of its address."""
        builder = world.member(owner, "builder", world.node(owner, "project"))
        assert faults(fetch(connect(), f"{peer.url}/v2"), builder.client) == {"connected_app_id": "invalid_reference"}

    def test_an_app_that_takes_its_operations_only(self, faults: Any, peer: Peer, connect: Callable[..., str]) -> None:
        """Which is how apps are unless somebody says otherwise."""
        assert faults(fetch(connect(other_requests=[]), f"{peer.url}/v1/a")) == {"connected_app_id": "not_allowed"}

    def test_an_app_of_a_kind_that_takes_operations_only(self, faults: Any, owner: Person) -> None:
        """A mail server."""
        body = {
            "name": "Mail",
            "provider": "smtp",
            "auth_type": "basic",
            "config": {"host": "127.0.0.1", "sender": "a@example.com"},
        }
        app_id = owner.client.post("/connected-apps", {**body, "credentials": {}}).data["id"]
        assert faults(fetch(app_id, "http://127.0.0.1/")) == {"connected_app_id": "not_allowed"}

    def test_another_method(self, faults: Any, peer: Peer, connect: Callable[..., str]) -> None:
        """The app says which."""
        assert faults(fetch(connect(), f"{peer.url}/v1/a", method="DELETE")) == {"method": "not_allowed"}

    @pytest.mark.parametrize(
        "url", ["http://127.0.0.1:1/v1/a", "{peer}/v1{{{{ input }}}}", "{peer}/{{{{ input }}}}", "{{{{ input }}}}"]
    )
    def test_another_address(self, faults: Any, peer: Peer, connect: Callable[..., str], url: str) -> None:
        """Also where it depends on what is filled in."""
        assert faults(fetch(connect(), url.format(peer=peer.url))) == {"url": "not_allowed"}

    def test_an_app_that_is_filled_in(self, faults: Any, peer: Peer) -> None:
        """Which app it is has to be seen."""
        assert "connected_app_id" in faults(fetch("{{ input }}", f"{peer.url}/v1/a"))

    def test_apps_that_are_off(self, faults: Any, peer: Peer, connect: Callable[..., str], owner: Person) -> None:
        """For the organization."""
        app_id = connect()
        owner.client.put(f"/plugins/connected_apps/organizations/{owner.organization_id}", {"status": "disabled"})
        assert faults(fetch(app_id, f"{peer.url}/v1/a")) == {"connected_app_id": "feature_disabled"}


def test_who_allows_such_requests_is_told_in_an_event(peer: Peer, connect: Callable[..., str], owner: Person) -> None:
    app_id = connect(other_requests=[])
    owner.client.patch(f"/connected-apps/{app_id}", {"config": app_of(peer)["config"]})
    event = owner.client.get(f"/activities?action=connected_apps.updated&subject_id={app_id}").data["items"][0]
    assert "other_requests" in str(event)
