"""The endpoints of connected apps: what is kept of an app, and what is refused."""

from typing import Any

import pytest

from aasim_core.context import organization_scope, system_scope
from aasim_core.key_rotation.sealed_columns import Column, declared
from aasim_core.secrets import Keyring, Secret, new_key
from aasim_plugins.connected_apps.connecting import AppError
from aasim_plugins.connected_apps.models import AppOperation, ConnectedApp, Share, Use

from .conftest import TOKEN, Apps
from .peers import Response, Service

HTTP: dict[str, Any] = {
    "name": "Orders", "provider": "http", "auth_type": "bearer", "config": {"base_url": "https://api.example.com/v1"},
    "credentials": {"token": TOKEN},
}  # fmt: skip
READ = {"name": "read", "method": "GET", "path": "/"}


def test_the_secret_is_sealed_and_never_shown(apps: Apps) -> None:
    made = apps.connect(**HTTP)

    assert made["has_credentials"] is True
    assert "credentials" not in made and "secret" not in made
    assert TOKEN not in str(apps.client.get("/connected-apps").body)
    assert TOKEN not in str(apps.record(made).row())


def test_an_app_is_changed_replaced_and_deleted(apps: Apps) -> None:
    made = apps.connect(**{**HTTP, "description": "Ours"})
    path = f"/connected-apps/{made['id']}"

    assert apps.client.patch(path, {"name": "Renamed"}).data["description"] == "Ours"
    assert apps.client.put(path, HTTP).data["description"] == ""
    assert apps.client.put(path, {**HTTP, "credentials": None}).codes == {"credentials": ["invalid_format"]}
    assert apps.client.delete(path).data == {"id": made["id"], "deleted": True}
    assert apps.client.get(path).status == 404
    with organization_scope(apps.owner.organization_id):
        assert not [each for model in (AppOperation, Share, Use) for each in model.select()]


@pytest.mark.parametrize(
    ("fields", "codes"),
    [
        ({"provider": "htpt"}, {"provider": ["invalid_choice"]}),
        ({"auth_type": "oauth2"}, {"auth_type": ["invalid_choice"]}),
        ({"auth_type": "kerberos"}, {"auth_type": ["invalid_choice"]}),
        ({"config": {}}, {"config": ["invalid_format"]}),
        ({"config": {"base_url": "ftp://example.com"}}, {"config.base_url": ["invalid_format"]}),
        ({"config": {"base_url": "https://ada:pw@example.com"}}, {"config.base_url": ["invalid_format"]}),
        ({"config": {"base_url": "http://10.0.0.1"}}, {"config": ["url_not_allowed"]}),
        ({"config": {"base_url": "http://0x0a.1"}}, {"config": ["url_not_allowed"]}),
        ({"config": {"base_url": "http://[fd00::1]/"}}, {"config": ["url_not_allowed"]}),
        ({"config": {"base_url": "https://x.org", "colour": 1}}, {"config": ["invalid_format"]}),
        ({"config": {"base_url": "https://x.org", "headers": {"Host": "y.org"}}}, {"config.headers": ["invalid_format"]}),
        ({"config": {"base_url": "https://x.org", "headers": {"X-A": "b\r\nc"}}}, {"config.headers": ["invalid_format"]}),
        (
            {"config": {"base_url": "https://x.org", "operations": [{**READ, "path": "/{a}"}]}},
            {"config.operations[0].path": ["invalid_format"]},
        ),
        (
            {"config": {"base_url": "https://x.org", "operations": [READ, READ]}},
            {"config.operations[1].name": ["not_unique"]},
        ),
        (
            {"config": {"base_url": "https://x.org", "operations": [{**READ, "arguments": {"type": "thing"}}]}},
            {"config.operations[0].arguments": ["invalid_format"]},
        ),
        (
            {"config": {"base_url": "https://x.org", "operations": [{**READ, "arguments": {"$ref": "https://x.org/s"}}]}},
            {"config.operations[0].arguments": ["invalid_format"]},
        ),
        ({"credentials": {"tokn": TOKEN}}, {"credentials": ["invalid_format"]}),
        ({"credentials": {"token": 1}}, {"credentials": ["invalid_format"]}),
        ({"credentials": {"token": "tokén"}}, {"credentials": ["invalid_format"]}),
        ({"credentials": {"token": "a\r\nX-B: c"}}, {"credentials": ["invalid_format"]}),
        ({"shared_with": [{"type": "team", "id": "team_01h455vb4pex5vsknk084sn02q"}]}, {"shared_with[0].id": ["invalid_reference"]}),
        ({"project_id": "project_01h455vb4pex5vsknk084sn02q"}, {"project_id": ["invalid_reference"]}),
        ({"name": "Taken"}, {"name": ["not_unique"]}),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_refused(apps: Apps, fields: dict[str, Any], codes: dict[str, list[str]]) -> None:
    apps.connect(**{**HTTP, "name": "Taken"})

    answer = apps.client.post("/connected-apps", {**HTTP, **fields})

    assert (answer.status, answer.codes) == (422, codes)
    assert TOKEN not in str(answer.body)


def test_what_makes_an_app_the_one_that_it_is_cannot_be_changed(apps: Apps) -> None:
    made = apps.connect(**HTTP)

    answer = apps.client.patch(f"/connected-apps/{made['id']}", {"provider": "mcp"})

    assert (answer.status, answer.codes) == (409, {"_": ["invalid_state"]})


def test_a_secret_is_not_sent_to_another_place_by_somebody_who_does_not_know_it(apps: Apps) -> None:
    made = apps.connect(**HTTP)
    path, moved = f"/connected-apps/{made['id']}", {"config": {"base_url": "https://evil.example.com"}}

    assert apps.client.patch(path, moved).codes == {"credentials": ["required"]}
    assert apps.client.patch(path, {"config": {"base_url": "https://api.example.com/v2"}}).status == 200
    assert apps.client.patch(path, {**moved, "credentials": {"token": "another"}}).status == 200


@pytest.mark.parametrize("field", ["base_url", "token_url", "revoke_url"])
def test_a_secret_is_not_sent_to_another_host_of_the_same_app_either(apps: Apps, field: str) -> None:
    config = {
        "base_url": "https://api.example.com", "client_id": "aasim", "token_url": "https://login.example.com/token",
        "authorize_url": "https://login.example.com/authorize",
    }  # fmt: skip
    made = apps.connect(
        name="Calendar", provider="oauth2", auth_type="oauth2", config=config, credentials={"client_secret": TOKEN}
    )
    other = config["token_url" if field == "base_url" else "base_url"]

    answer = apps.client.patch(f"/connected-apps/{made['id']}", {"config": {**config, field: other}})

    assert answer.codes == {"credentials": ["required"]}


def test_operations_follow_the_configuration(apps: Apps) -> None:
    made = apps.connect(
        **{**HTTP, "config": {**HTTP["config"], "operations": [READ, {**READ, "name": "remove", "method": "DELETE"}]}}
    )
    path = f"/connected-apps/{made['id']}"

    listed = apps.client.get(f"{path}/operations?sort=name").data["items"]
    assert [(each["name"], each["effect"], each["idempotent"], each["confirmed"]) for each in listed] == [
        ("read", "read", True, True), ("remove", "delete", True, True),
    ]  # fmt: skip

    apps.client.patch(path, {"config": {**HTTP["config"], "operations": [{**READ, "effect": "pay"}]}})
    listed = apps.client.get(f"{path}/operations").data["items"]
    assert [(each["name"], each["effect"], each["confirmed"]) for each in listed] == [("read", "pay", True)]


def test_an_app_whose_secret_cannot_be_read_needs_reauth_and_stops_nothing_else(apps: Apps, peer: Service) -> None:
    lost = apps.http(peer, [READ], name="Lost")
    whole = apps.http(peer, [READ], name="Whole")
    place = ConnectedApp.secret.place(lost["id"], apps.owner.organization_id)
    apps.change(lost, secret=Keyring([new_key()]).seal(Secret("{}"), place))

    with pytest.raises(AppError) as caught:
        apps.call(lost, "read")

    assert caught.value.code == "auth"
    states = {each["name"]: each["status"] for each in apps.client.get("/connected-apps").data["items"]}
    assert states == {"Lost": "needs_reauth", "Whole": "connected"}
    assert apps.client.post(f"/connected-apps/{lost['id']}/test").data["ok"] is False
    assert apps.client.post(f"/connected-apps/{whole['id']}/test").status == 200
    mended = apps.client.patch(f"/connected-apps/{lost['id']}", {"credentials": {"token": "new-token"}}).data
    assert mended["status"] == "connected"


def test_secrets_are_sealed_anew_when_a_key_is_rotated_and_open_all_the_while(apps: Apps, peer: Service) -> None:
    peer.answers["/"] = lambda received: Response(200, received.headers["Authorization"] == f"Bearer {TOKEN}")
    made = apps.http(peer, [READ])
    assert {("connected_apps_app", "secret"), ("connected_apps_authorization", "code")} <= declared(apps.app.models)
    apps.app.keyring = apps.app.keyring.rotated()
    assert apps.call(made, "read") is True

    with system_scope("test"):
        column = Column(apps.app.database, "connected_apps_app", "secret")
        (sealed,) = column.not_sealed_by(apps.app.keyring.key_ids[0], "", 10)
        with apps.app.database.transaction():
            assert column.replace(sealed, apps.app.keyring.reseal(sealed.value, sealed.place) or "")

    assert apps.call(made, "read") is True


def test_reading_changing_and_using_are_different_permissions(world: Any, apps: Apps) -> None:
    made = apps.connect(**HTTP)
    viewer = world.member(apps.owner, "viewer").client
    operator = world.member(apps.owner, "operator").client

    assert viewer.get(f"/connected-apps/{made['id']}").status == 200
    assert viewer.post(f"/connected-apps/{made['id']}/test").status == 403
    assert operator.post(f"/connected-apps/{made['id']}/test").status == 200
    for verb in ("revoke", "sync", "authorize", "refresh-token"):
        assert operator.post(f"/connected-apps/{made['id']}/{verb}").status == 403
    assert operator.patch(f"/connected-apps/{made['id']}", {"name": "Mine"}).status == 403


def test_a_change_needs_the_version_that_was_read(apps: Apps) -> None:
    made = apps.connect(**HTTP)
    path = f"/connected-apps/{made['id']}"

    assert apps.client.patch(path, {"name": "Renamed"}, If_Match='"1"').data["version"] == 2
    assert apps.client.patch(path, {"name": "Again"}, If_Match='"1"').status == 412
