"""Apps with OAuth 2, against Authlib's authorization server: allowed to be used, and revoked."""

from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest

from aasim_core.clock import now
from aasim_core.context import organization_scope
from aasim_plugins.connected_apps.models import PendingAuthorization

from ..conftest import Apps
from ..peers import Response
from .provider import Provider


def test_a_person_allows_an_app_to_be_used_and_agents_can_call_it(apps: Apps, provider: Provider) -> None:
    made = apps.oauth(provider)
    assert (made["status"], made["expires_at"]) == ("pending", None)

    connected = apps.authorize(provider, made)

    assert (connected["status"], connected["scopes"], connected["last_error"]) == ("connected", ["profile"], None)
    assert connected["expires_at"] is not None
    assert apps.call(made, "who") == {"name": "Ada", "scope": "profile"}
    assert apps.events(made)[-2:] == ["authorization_started", "authorized"]


def test_the_address_has_a_challenge_of_a_secret_that_stays_here(apps: Apps, provider: Provider) -> None:
    made = apps.oauth(provider)

    url = apps.client.post(f"/connected-apps/{made['id']}/authorize").data["url"]
    asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}

    assert asked["code_challenge_method"] == "S256"
    assert asked["redirect_uri"].endswith("/api/v1/connected-apps/callback")
    with organization_scope(apps.owner.organization_id):
        (pending,) = PendingAuthorization.select()
    assert asked["state"].split(".")[2] not in str(pending.row())


def test_an_answer_counts_once_and_only_for_its_state(apps: Apps, provider: Provider, work: Callable[[], int]) -> None:
    made = apps.oauth(provider)
    back = provider.allow(apps.client.post(f"/connected-apps/{made['id']}/authorize").data["url"])
    callback = f"/connected-apps/callback?state={back['state']}"

    forged = back["state"][:-1] + ("A" if back["state"][-1] != "A" else "B")
    assert apps.client.get(f"/connected-apps/callback?state={forged}&code=x").codes == {"state": ["invalid_parameter"]}
    assert apps.client.get("/connected-apps/callback?state=a.b.c.d&code=x").codes == {"state": ["invalid_parameter"]}
    assert apps.client.get(callback).codes == {"code": ["invalid_parameter"]}

    first = apps.client.get(f"{callback}&code={back['code']}")
    again = apps.client.get(f"{callback}&code={back['code']}")
    assert first.body == again.body, "a page that is loaded twice is told the same"
    assert apps.client.get(f"{callback}&code=another").codes == {"state": ["invalid_parameter"]}
    work()
    assert provider.asked_for_tokens == ["authorization_code"]


def test_beginning_again_ends_what_was_begun(apps: Apps, provider: Provider) -> None:
    made = apps.oauth(provider)
    path = f"/connected-apps/{made['id']}/authorize"
    back = provider.allow(apps.client.post(path).data["url"])
    apps.client.post(path)

    answer = apps.client.get(f"/connected-apps/callback?state={back['state']}&code={back['code']}")

    assert answer.codes == {"state": ["invalid_parameter"]}


def test_an_authorization_is_good_for_ten_minutes(apps: Apps, provider: Provider) -> None:
    made = apps.oauth(provider)
    back = provider.allow(apps.client.post(f"/connected-apps/{made['id']}/authorize").data["url"])
    with organization_scope(apps.owner.organization_id), apps.app.database.transaction():
        PendingAuthorization.update(expires_at=now()).execute()

    answer = apps.client.get(f"/connected-apps/callback?state={back['state']}&code={back['code']}")

    assert answer.codes == {"state": ["invalid_parameter"]}


def test_a_person_who_says_no_is_told_in_the_record(apps: Apps, provider: Provider) -> None:
    made = apps.oauth(provider)
    url = apps.client.post(f"/connected-apps/{made['id']}/authorize").data["url"]
    state = parse_qs(urlsplit(url).query)["state"][0]

    answer = apps.client.get(f"/connected-apps/callback?state={state}&error=access_denied&error_description=No")

    assert answer.data == {"allowed": False}
    after = apps.read(made)
    assert (after["status"], after["last_error"]["message"]) == ("pending", "the provider did not allow it: access_denied")


def test_a_code_that_the_provider_does_not_know_leaves_the_app_pending(
    apps: Apps, provider: Provider, work: Callable[[], int]
) -> None:
    made = apps.oauth(provider)
    url = apps.client.post(f"/connected-apps/{made['id']}/authorize").data["url"]
    state = parse_qs(urlsplit(url).query)["state"][0]
    apps.client.get(f"/connected-apps/callback?state={state}&code=made-up")

    work()

    after = apps.read(made)
    assert after["status"] == "pending"
    assert "invalid_grant" in after["last_error"]["message"]


def test_an_app_of_its_own_gets_its_token_at_once(apps: Apps, provider: Provider, work: Callable[[], int]) -> None:
    made = apps.oauth(provider, "client_credentials")
    work()

    assert apps.read(made)["status"] == "connected"
    assert provider.asked_for_tokens == ["client_credentials"]
    assert apps.call(made, "who")["name"] == "Ada"
    assert apps.client.post(f"/connected-apps/{made['id']}/authorize").codes == {"_": ["invalid_state"]}


def test_revoking_ends_the_access_at_the_provider_and_forgets_the_secret(apps: Apps, provider: Provider) -> None:
    made = apps.oauth(provider)
    apps.authorize(provider, made)

    revoked = apps.client.post(f"/connected-apps/{made['id']}/revoke").data

    assert (revoked["status"], revoked["has_credentials"], revoked["expires_at"]) == ("revoked", False, None)
    assert provider.tokens[-1].revoked
    assert apps.record(made).secret is None
    assert apps.client.post(f"/connected-apps/{made['id']}/revoke").data == revoked
    for verb in ("refresh-token", "authorize", "sync"):
        assert apps.client.post(f"/connected-apps/{made['id']}/{verb}").codes == {"_": ["invalid_state"]}
    assert apps.client.patch(f"/connected-apps/{made['id']}", {"name": "Anew"}).codes == {"_": ["invalid_state"]}


def test_a_provider_that_is_away_does_not_keep_the_secret_here(apps: Apps, provider: Provider) -> None:
    made = apps.oauth(provider)
    apps.authorize(provider, made)
    provider.answers["/revoke"] = lambda received: Response(503, {})

    assert apps.client.post(f"/connected-apps/{made['id']}/revoke").data["status"] == "revoked"
    assert apps.record(made).secret is None


def test_another_client_begins_anew_and_another_name_does_not(apps: Apps, provider: Provider) -> None:
    made = apps.oauth(provider)
    apps.authorize(provider, made)
    path = f"/connected-apps/{made['id']}"

    assert apps.client.patch(path, {"name": "Renamed"}).data["status"] == "connected"
    assert apps.client.patch(path, {"config": {**made["config"], "client_id": "another"}}).data["status"] == "pending"


def test_nothing_of_the_tokens_is_in_answers_events_or_logs(
    apps: Apps, provider: Provider, capfd: pytest.CaptureFixture[str]
) -> None:
    made = apps.oauth(provider)
    apps.authorize(provider, made)
    apps.call(made, "who")
    answers = [apps.client.get(f"/connected-apps{path}").body for path in ("", f"/{made['id']}", f"/{made['id']}/logs")]
    with organization_scope(apps.owner.organization_id):
        from aasim_core.events.records import EventRow

        rows = [str(event.row()) for event in EventRow.select()]
        rows += [str(apps.record(made).row()), *(str(each.row()) for each in PendingAuthorization.select())]
    told = capfd.readouterr()
    assert "sentinel-" not in f"{answers}{rows}{told.out}{told.err}"
