"""Tokens are renewed before they end, when a service does not take them, and by hand."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from aasim_core.clock import now
from aasim_core.context import organization_scope
from aasim_plugins.connected_apps import service
from aasim_plugins.connected_apps.connecting import AppError
from aasim_plugins.connected_apps.credentials import tokens
from aasim_plugins.connected_apps.credentials.app_status import note_failure

from ..conftest import Apps
from ..peers import Response
from .provider import CLIENT_SECRET, Provider


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
