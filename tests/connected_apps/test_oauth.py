"""Apps with OAuth 2, against Authlib's authorization server."""

import json
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from aasim_core.clock import now
from aasim_core.context import organization_scope
from aasim_plugins.connected_apps import service
from aasim_plugins.connected_apps.connecting import AppError
from aasim_plugins.connected_apps.credentials import tokens
from aasim_plugins.connected_apps.credentials.app_status import note_failure
from aasim_plugins.connected_apps.models import PendingAuthorization

from .conftest import Apps
from .peers import CLIENT_SECRET, Provider, Response

REFRESHER = Path(__file__).with_name("refresher.py")


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


def test_tokens_are_renewed_at_four_fifths_of_their_life(apps: Apps, provider: Provider, work: Callable[[], int]) -> None:
    made = apps.oauth(provider)
    apps.authorize(provider, made)
    record = apps.record(made)
    assert record.refresh_at is not None and record.expires_at is not None
    assert round((record.expires_at - record.refresh_at).total_seconds()) == 720

    apps.change(made, refresh_at=now())
    with organization_scope(apps.owner.organization_id):
        service.renew(apps.app, made["id"])

    assert provider.asked_for_tokens == ["authorization_code", "refresh_token"]
    assert apps.events(made)[-1] == "refreshed"


def test_whoever_calls_first_renews_tokens_that_are_due(apps: Apps, provider: Provider) -> None:
    made = apps.oauth(provider)
    apps.authorize(provider, made)
    apps.change(made, refresh_at=now())

    assert apps.call(made, "who")["name"] == "Ada"
    assert provider.asked_for_tokens == ["authorization_code", "refresh_token"]


def test_tokens_that_are_still_good_are_used_while_the_provider_has_no_new_ones(apps: Apps, provider: Provider) -> None:
    made = apps.oauth(provider)
    apps.authorize(provider, made)
    apps.change(made, refresh_at=now())
    provider.answers["/token"] = lambda received: Response(503, {})

    assert apps.call(made, "who")["name"] == "Ada"


def test_a_401_gets_a_new_token_and_the_call_is_made_again(apps: Apps, provider: Provider) -> None:
    made = apps.oauth(provider)
    apps.authorize(provider, made)
    provider.tokens[-1].issued_at -= 4000

    assert apps.call(made, "who")["name"] == "Ada"
    assert provider.asked_for_tokens == ["authorization_code", "refresh_token"]
    assert apps.uses(made) == [("who", "succeeded", None)]


def test_a_test_that_meets_a_401_gets_a_new_token_and_asks_again(apps: Apps, provider: Provider) -> None:
    made = apps.oauth(provider)
    apps.authorize(provider, made)
    provider.tokens[-1].issued_at -= 4000

    assert apps.client.post(f"/connected-apps/{made['id']}/test").data["ok"]
    assert apps.read(made)["status"] == "connected"


def test_a_test_whose_new_token_is_not_taken_either_says_so(apps: Apps, provider: Provider) -> None:
    made = apps.oauth(provider)
    apps.authorize(provider, made)
    provider.answers["/"] = lambda received: Response(401, {})

    steps = apps.client.post(f"/connected-apps/{made['id']}/test").data["steps"]

    assert [step["status"] for step in steps] == ["passed", "skipped", "failed", "skipped"]
    assert apps.read(made)["status"] == "needs_reauth"


def test_a_service_that_does_not_take_new_tokens_either_needs_a_person(apps: Apps, provider: Provider) -> None:
    made = apps.oauth(provider)
    apps.authorize(provider, made)
    provider.answers["/me"] = lambda received: Response(401, {})
    before = apps.read(made)["version"]

    with pytest.raises(AppError):
        apps.call(made, "who")

    after = apps.read(made)
    assert (after["status"], after["version"]) == ("needs_reauth", before + 2), "new tokens, and that they do not help"
    assert provider.asked_for_tokens == ["authorization_code", "refresh_token"]


def test_what_an_old_secret_ran_into_says_nothing_of_a_new_one(apps: Apps, provider: Provider) -> None:
    made = apps.oauth(provider)
    apps.authorize(provider, made)
    seen = apps.record(made)
    apps.client.patch(f"/connected-apps/{made['id']}", {"credentials": {"client_secret": CLIENT_SECRET}})

    with organization_scope(apps.owner.organization_id):
        note_failure(apps.app, seen, AppError("auth", "the old one is not taken", is_final=True))

    assert apps.read(made)["status"] == "pending"


def test_a_grant_that_is_not_good_any_more_needs_a_person(apps: Apps, provider: Provider) -> None:
    made = apps.oauth(provider)
    apps.authorize(provider, made)
    provider.tokens[-1].revoked = True

    with pytest.raises(AppError) as caught:
        apps.call(made, "who")

    assert caught.value.code == "auth"
    after = apps.read(made)
    assert (after["status"], after["last_error"]["code"]) == ("needs_reauth", "auth")
    assert apps.events(made)[-1] == "needs_reauth"
    with pytest.raises(AppError, match="needs_reauth"):
        apps.call(made, "who")
    assert provider.asked_for_tokens == ["authorization_code", "refresh_token"], "nobody asks again"
    assert apps.authorize(provider, made)["status"] == "connected"


def test_a_token_that_nobody_can_renew_is_announced_and_then_ends(apps: Apps, provider: Provider) -> None:
    made = apps.oauth(provider)
    provider.answers["/token"] = lambda received: Response(
        200, {"access_token": "sentinel-access-only", "token_type": "Bearer", "expires_in": 3600}
    )
    apps.authorize(provider, made)

    apps.change(made, refresh_at=now())
    with organization_scope(apps.owner.organization_id):
        service.renew(apps.app, made["id"])
    assert apps.read(made)["status"] == "expiring"

    apps.change(made, expires_at=now())
    with organization_scope(apps.owner.organization_id):
        service.renew(apps.app, made["id"])
    assert apps.read(made)["status"] == "needs_reauth"
    assert apps.events(made)[-2:] == ["expiring", "needs_reauth"]


def together(apps: Apps, count: int, do: Callable[[], Any]) -> list[Any]:
    """What `do` gave in so many threads that begin at once; an exception is what it gave, too."""
    barrier = threading.Barrier(count)

    def run(_: int) -> Any:
        barrier.wait()
        with apps.app.database.connected(), organization_scope(apps.owner.organization_id):
            try:
                return do()
            except AppError as error:
                return error

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def test_twenty_who_need_new_tokens_get_them_by_one_request(apps: Apps, provider: Provider) -> None:
    made = apps.oauth(provider)
    apps.authorize(provider, made)
    seen = apps.record(made)

    renewed = together(apps, 20, lambda: tokens.refresh(apps.app, seen, 30))

    assert provider.asked_for_tokens == ["authorization_code", "refresh_token"]
    assert {row.generation for row in renewed} == {seen.generation + 1}


def test_four_processes_that_need_new_tokens_get_them_by_one_request(
    apps: Apps, provider: Provider, plugin_settings: Mapping[str, Any]
) -> None:
    made = apps.oauth(provider)
    apps.authorize(provider, made)
    seen, settings = apps.record(made), apps.app.settings
    role = {"database.app_role": settings.database.app_role} if settings.database.app_role else {}
    flags = {"data_dir": str(settings.data_dir), "database.url": settings.database.url, **role, **plugin_settings}
    command = [sys.executable, str(REFRESHER), json.dumps([flags, apps.owner.organization_id, made["id"]])]
    with ExitStack() as stack:
        processes = [stack.enter_context(Popen(command, stdin=PIPE, stdout=PIPE, text=True)) for _ in range(4)]
        assert [process.stdout.readline() for process in processes if process.stdout] == ["ready\n"] * 4
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        got = [generation for process in processes for generation in json.loads(process.communicate()[0])]

    assert provider.asked_for_tokens == ["authorization_code", "refresh_token"]
    assert got == [seen.generation + 1] * 20


def test_twenty_calls_that_meet_a_401_get_one_new_token(apps: Apps, provider: Provider) -> None:
    made = apps.oauth(provider)
    apps.authorize(provider, made)
    provider.tokens[-1].issued_at -= 4000

    answers = together(apps, 20, lambda: service.call_operation(apps.app, made["id"], "who", {}, idempotency_key="k"))

    assert [answer["name"] for answer in answers] == ["Ada"] * 20
    assert provider.asked_for_tokens == ["authorization_code", "refresh_token"]


def test_twenty_who_cannot_have_new_tokens_ask_once_and_are_all_told(apps: Apps, provider: Provider) -> None:
    made = apps.oauth(provider)
    apps.authorize(provider, made)
    seen = apps.record(made)
    provider.tokens[-1].revoked = True

    told = together(apps, 20, lambda: tokens.refresh(apps.app, seen, 30))

    assert provider.asked_for_tokens == ["authorization_code", "refresh_token"]
    assert {error.code for error in told} == {"auth"}
    assert apps.events(made).count("needs_reauth") == 1


def test_whoever_died_with_the_turn_does_not_keep_it(apps: Apps, provider: Provider) -> None:
    made = apps.oauth(provider)
    apps.authorize(provider, made)
    apps.change(made, refreshing_until=now() - timedelta(seconds=1))

    assert apps.client.post(f"/connected-apps/{made['id']}/refresh-token").status == 200


def test_refreshing_by_hand_is_done_once_in_a_while(apps: Apps, provider: Provider) -> None:
    made = apps.oauth(provider)
    before = apps.authorize(provider, made)
    path = f"/connected-apps/{made['id']}/refresh-token"
    apps.change(made, refreshed_at=now() - timedelta(minutes=1))

    after = apps.client.post(path).data
    assert after["version"] > before["version"]
    assert apps.client.post(path).data == after
    assert provider.asked_for_tokens == ["authorization_code", "refresh_token"]


def test_an_app_without_tokens_has_none_to_refresh(apps: Apps, peer: Any) -> None:
    made = apps.http(peer, [])

    assert apps.client.post(f"/connected-apps/{made['id']}/refresh-token").codes == {"_": ["invalid_state"]}


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


def test_new_tokens_that_come_after_a_change_are_dropped(apps: Apps, provider: Provider) -> None:
    made = apps.oauth(provider)
    apps.authorize(provider, made)
    answer = provider.answers["/token"]

    def change_meanwhile(received: Any) -> Response:
        apps.client.patch(f"/connected-apps/{made['id']}", {"credentials": {"client_secret": "another-secret"}})
        return answer(received)

    provider.answers["/token"] = change_meanwhile
    with organization_scope(apps.owner.organization_id), pytest.raises(AppError, match="changed meanwhile"):
        tokens.refresh(apps.app, apps.record(made), 30)
    assert apps.read(made)["status"] == "pending"


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
