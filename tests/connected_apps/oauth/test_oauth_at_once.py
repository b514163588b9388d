"""Many who need new tokens at the same time get them by one request."""

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

import pytest

from aasim_core.clock import now
from aasim_core.context import organization_scope
from aasim_plugins.connected_apps import service
from aasim_plugins.connected_apps.connecting import AppError
from aasim_plugins.connected_apps.credentials import tokens

from ..conftest import Apps
from .provider import Provider

REFRESHER = Path(__file__).with_name("refresher.py")


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


@pytest.mark.long
def test_twenty_who_need_new_tokens_get_them_by_one_request(apps: Apps, provider: Provider) -> None:
    made = apps.oauth(provider)
    apps.authorize(provider, made)
    seen = apps.record(made)

    renewed = together(apps, 20, lambda: tokens.refresh(apps.app, seen, 30))

    assert provider.asked_for_tokens == ["authorization_code", "refresh_token"]
    assert {row.generation for row in renewed} == {seen.generation + 1}


@pytest.mark.long
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


@pytest.mark.long
def test_twenty_calls_that_meet_a_401_get_one_new_token(apps: Apps, provider: Provider) -> None:
    made = apps.oauth(provider)
    apps.authorize(provider, made)
    provider.tokens[-1].issued_at -= 4000

    answers = together(apps, 20, lambda: service.call_operation(apps.app, made["id"], "who", {}, idempotency_key="k"))

    assert [answer["name"] for answer in answers] == ["Ada"] * 20
    assert provider.asked_for_tokens == ["authorization_code", "refresh_token"]


@pytest.mark.long
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
