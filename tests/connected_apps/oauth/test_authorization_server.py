"""What goes wrong at an authorization server, and what is told of it."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from aasim_core.clock import now
from aasim_core.context import organization_scope
from aasim_core.events.records import EventRow
from aasim_core.jobs.records import JobRow
from aasim_plugins.connected_apps.connecting import AppError
from aasim_plugins.connected_apps.credentials import tokens

from ..conftest import Apps
from ..peers import Received, Response
from .provider import CLIENT_SECRET, Provider


def refuse(provider: Provider, status: int, body: Any) -> None:
    """Have it answer all who want tokens in that way."""
    provider.answers["/token"] = lambda received: Response(status, body)


def come_back(apps: Apps, provider: Provider, made: Mapping[str, Any]) -> dict[str, str]:
    """Allow the app to be used, up to the person's return; what they return with."""
    back = provider.allow(apps.client.post(f"/connected-apps/{made['id']}/authorize").data["url"])
    apps.client.get(f"/connected-apps/callback?state={back['state']}&code={back['code']}")
    return back


def told_of_the_end(apps: Apps, made: Mapping[str, Any]) -> tuple[bool, str]:
    """What the event says of the provider, and why, once the app is revoked."""
    assert apps.client.post(f"/connected-apps/{made['id']}/revoke").data["status"] == "revoked"
    with organization_scope(apps.owner.organization_id):
        event = EventRow.get(EventRow.name == "connected_apps.revoked")
    return event.data["at_provider"], event.data["reason"]


def waiting_jobs(apps: Apps) -> list[str]:
    """The names of the jobs that are done later."""
    with organization_scope(apps.owner.organization_id):
        return [job.name for job in JobRow.select().where(JobRow.state == "queued")]


@pytest.mark.parametrize("before", [0, 185, 270, 280])
def test_a_secret_that_is_repeated_is_masked_before_the_text_is_cut(
    apps: Apps, provider: Provider, work: Callable[[], int], before: int
) -> None:
    refuse(provider, 400, {"error": "invalid_client", "error_description": "x" * before + CLIENT_SECRET})
    made = apps.oauth(provider, "client_credentials")

    work()

    told = apps.read(made)["last_error"]["message"]
    assert "invalid_client" in told
    assert CLIENT_SECRET[:4] not in told


@pytest.mark.parametrize("before", [0, 170, 270])
@pytest.mark.parametrize("name", ["code", "code_verifier"])
def test_code_and_verifier_are_told_to_nobody(
    apps: Apps, provider: Provider, work: Callable[[], int], name: str, before: int
) -> None:
    sent: list[str] = []

    def repeat(received: Received) -> Response:
        sent.append(received.form[name])
        return Response(400, {"error": "invalid_request", "error_description": "x" * before + received.form[name]})

    provider.answers["/token"] = repeat
    made = apps.oauth(provider)
    come_back(apps, provider, made)
    work()

    told = apps.read(made)["last_error"]["message"]
    assert "invalid_request" in told
    assert sent[0][:4] not in told


PASSING = [
    (429, {"error": "too_many_requests"}, "rate_limited"),
    (429, {"error": "invalid_client"}, "rate_limited"),
    (429, {"detail": "later"}, "rate_limited"),
    (429, b"<html>", "rate_limited"),
    (403, {"error": "slow_down"}, "rate_limited"),
    (400, {"error": "temporarily_unavailable"}, "unavailable"),
    (400, {"error": "server_error"}, "unavailable"),
    (503, {"error": "invalid_grant"}, "unavailable"),
]


@pytest.mark.parametrize(("status", "body", "code"), PASSING)
def test_a_refusal_that_passes_is_told_as_one(apps: Apps, provider: Provider, status: int, body: Any, code: str) -> None:
    made = apps.oauth(provider)
    apps.authorize(provider, made)
    seen = apps.record(made)
    refuse(provider, status, body)

    with organization_scope(apps.owner.organization_id), pytest.raises(AppError) as caught:
        tokens.refresh(apps.app, seen, 30)

    assert caught.value.code == code


@pytest.mark.parametrize("error", ["slow_down", "server_error", "invalid_scope"])
def test_a_token_that_is_still_good_is_used_until_a_refusal_is_final(apps: Apps, provider: Provider, error: str) -> None:
    made = apps.oauth(provider)
    apps.authorize(provider, made)
    apps.change(made, refresh_at=now())
    refuse(provider, 400, {"error": error})

    assert apps.call(made, "who")["name"] == "Ada"


def test_an_app_that_is_revoked_while_new_tokens_are_fetched_is_not_called_with_the_old_one(
    apps: Apps, provider: Provider
) -> None:
    made = apps.oauth(provider)
    apps.authorize(provider, made)
    apps.change(made, refresh_at=now())
    granted = {"access_token": "new", "token_type": "Bearer", "expires_in": 3600}

    def revoke(received: Received) -> Response:
        provider.answers.pop("/token")
        apps.client.post(f"/connected-apps/{made['id']}/revoke")
        return Response(200, granted)

    provider.answers["/token"] = revoke

    with pytest.raises(AppError, match=r"revoked|changed"):
        apps.call(made, "who")

    assert "/me" not in [received.path for received in provider.received]


def test_a_final_refusal_stops_whoever_waited_for_it_too(apps: Apps, provider: Provider) -> None:
    made = apps.oauth(provider)
    apps.authorize(provider, made)
    seen = apps.record(made)
    provider.tokens[-1].revoked = True
    with organization_scope(apps.owner.organization_id):
        with pytest.raises(AppError):
            tokens.refresh(apps.app, seen, 30)
        with pytest.raises(AppError) as caught:
            tokens.refresh(apps.app, seen, 30)

    assert caught.value.is_final


def test_new_tokens_are_fetched_again_after_a_refusal_that_passes(
    apps: Apps, provider: Provider, work: Callable[[], int]
) -> None:
    refuse(provider, 429, {"error": "slow_down"})
    apps.oauth(provider, "client_credentials")

    work()

    assert waiting_jobs(apps) == ["connected_apps.renew"]


def test_a_code_is_exchanged_again_after_a_refusal_that_passes(apps: Apps, provider: Provider, work: Callable[[], int]) -> None:
    refuse(provider, 429, {"error": "slow_down"})
    come_back(apps, provider, apps.oauth(provider))

    work()

    assert waiting_jobs(apps) == ["connected_apps.exchange"]


BROKEN = [
    (200, {"access_token": "sentinel-1", "scope": "a\ud800 b\0"}),
    (200, {"access_token": "sentinel-1", "refresh_token": "\ud800"}),
    (400, {"error": "a\ud800", "error_description": "b\0"}),
    (400, {"error": {"code": 1}}),
    (200, b"[" * 100_000),
]


@pytest.mark.parametrize(("status", "body"), BROKEN)
def test_texts_that_cannot_be_kept_do_not_block_an_app(apps: Apps, provider: Provider, status: int, body: Any) -> None:
    made = apps.oauth(provider, "client_credentials")
    refuse(provider, status, body)

    assert apps.client.post(f"/connected-apps/{made['id']}/refresh-token").status < 500
    assert apps.record(made).refreshing_until is None


def test_the_event_of_a_revoked_app_says_that_the_provider_was_told(apps: Apps, provider: Provider) -> None:
    made = apps.oauth(provider)
    apps.authorize(provider, made)

    assert told_of_the_end(apps, made) == (True, "")


def test_a_provider_with_no_address_for_it_is_not_told(apps: Apps, provider: Provider, work: Callable[[], int]) -> None:
    made = apps.oauth(provider, "client_credentials")
    config = {name: value for name, value in made["config"].items() if name != "revoke_url"}
    apps.client.patch(f"/connected-apps/{made['id']}", {"config": config})
    work()

    assert told_of_the_end(apps, made) == (False, "the app has no revoke_url: revoke the access at the provider")


def test_a_provider_that_gave_no_tokens_is_not_told(apps: Apps, provider: Provider) -> None:
    made = apps.oauth(provider)

    assert told_of_the_end(apps, made) == (False, "the app had no tokens")


@pytest.mark.parametrize("secret", ["plain-secret", "a+b/c=:%41 &", "\u0441\u0435\u043a\u0440\u0435\u0442"])
def test_a_client_secret_travels_as_the_standard_says(
    apps: Apps, provider: Provider, work: Callable[[], int], secret: str
) -> None:
    provider.client.secret = secret
    made = apps.oauth(provider, "client_credentials")
    apps.client.patch(f"/connected-apps/{made['id']}", {"credentials": {"client_secret": secret}})

    work()

    assert apps.read(made)["status"] == "connected"
    assert told_of_the_end(apps, made) == (True, "")


def test_a_provider_may_want_any_parameter(apps: Apps, provider: Provider) -> None:
    wanted = {"url": "a", "uri": "b", "self": "c d", "access_type": "offline"}
    made = apps.oauth(provider)
    apps.client.patch(f"/connected-apps/{made['id']}", {"config": {**made["config"], "authorize_parameters": wanted}})

    url = apps.client.post(f"/connected-apps/{made['id']}/authorize").data["url"]

    assert wanted.items() <= dict(parse_qsl(urlsplit(url).query)).items()


@pytest.mark.parametrize("name", ["state", "code_verifier"])
def test_what_the_platform_writes_is_no_parameter_of_the_provider(apps: Apps, provider: Provider, name: str) -> None:
    made = apps.oauth(provider)
    config = {**made["config"], "authorize_parameters": {name: "x"}}

    answer = apps.client.patch(f"/connected-apps/{made['id']}", {"config": config})

    assert answer.codes == {"config.authorize_parameters": ["invalid_format"]}
