"""What goes wrong at an authorization server, and what is told of it."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from .conftest import Apps
from .peers import CLIENT_SECRET, Provider, Received, Response


def refuse(provider: Provider, status: int, body: Any) -> None:
    """Have it answer all who want tokens in that way."""
    provider.answers["/token"] = lambda received: Response(status, body)


def come_back(apps: Apps, provider: Provider, made: Mapping[str, Any]) -> dict[str, str]:
    """Allow the app to be used, up to the person's return; what they return with."""
    back = provider.allow(apps.client.post(f"/connected-apps/{made['id']}/authorize").data["url"])
    apps.client.get(f"/connected-apps/callback?state={back['state']}&code={back['code']}")
    return back


@pytest.mark.parametrize("before", [0, 10, 270, 280, 290])
def test_a_secret_that_is_repeated_is_masked_before_the_text_is_cut(
    apps: Apps, provider: Provider, work: Callable[[], int], before: int
) -> None:
    refuse(provider, 400, {"error": "invalid_client", "error_description": "x" * before + CLIENT_SECRET})
    made = apps.oauth(provider, "client_credentials")

    work()

    told = apps.read(made)["last_error"]["message"]
    assert "invalid_client" in told
    assert CLIENT_SECRET[:4] not in told


@pytest.mark.parametrize("before", [0, 230, 240, 250, 260])
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
    assert sent[0][:8] not in told
