"""Logins are throttled by account and network, and never lock an owner out."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
import time_machine

from aasim_core.settings import Settings
from aasim_core.testing.world import Answer, Client

PASSWORD = "gravel-tulip-orbit-94"
WRONG = "wrong-but-quite-long"
LogIn = Callable[..., Answer]


@pytest.fixture
def app_settings(app_settings: Settings) -> Settings:
    limits = replace(
        app_settings.rate_limits, enabled=True, anonymous_per_minute=100_000, login_per_account=3, login_per_network=5
    )
    return replace(app_settings, rate_limits=limits)


@pytest.fixture
def stranger(anonymous: Client) -> LogIn:
    """Tries to log in from a program that nobody knows."""

    def attempt(email: str = "ada@example.com", password: str = WRONG) -> Answer:
        return anonymous.post("/auth/login", {"email": email, "password": password}, User_Agent="stranger")

    return attempt


@pytest.mark.long
def test_who_asks_by_registering_which_addresses_have_accounts_has_to_wait(ada: Mapping[str, Any], anonymous: Client) -> None:
    with time_machine.travel("2026-01-31T09:00:00Z", tick=False) as clock:
        body = {"name": "Eve", "email": "ada@example.com", "password": PASSWORD}
        assert [anonymous.post("/auth/register", body).status for _ in range(5)] == [422] * 5
        refused = anonymous.post("/auth/register", body)
        assert (refused.status, refused.codes) == (429, {"_": ["too_many_attempts"]})
        assert anonymous.post("/auth/register", {**body, "email": "eve@example.com"}).status == 429
        clock.shift(1)
        assert anonymous.post("/auth/register", {**body, "email": "eve@example.com"}).status == 201


@pytest.mark.long
def test_failures_on_one_account_make_even_the_right_password_wait(ada: Mapping[str, Any], stranger: LogIn) -> None:
    with time_machine.travel("2026-01-31T09:00:00Z", tick=False) as clock:
        assert [stranger().status for _ in range(4)] == [401, 401, 401, 429]
        refused = stranger(password=PASSWORD)
        assert (refused.status, refused.codes) == (429, {"_": ["too_many_attempts"]})
        assert refused.headers["retry-after"] == "1"
        clock.shift(1)
        assert stranger(password=PASSWORD).status == 200


@pytest.mark.long
def test_the_wait_doubles_with_each_further_failure(ada: Mapping[str, Any], stranger: LogIn) -> None:
    waits = []
    with time_machine.travel("2026-01-31T09:00:00Z", tick=False) as clock:
        for _ in range(3):
            stranger()
        for _ in range(4):
            waits.append(int(stranger().headers["retry-after"]))
            clock.shift(waits[-1])
            assert stranger().status == 401
    assert waits == [1, 2, 4, 8]


@pytest.mark.long
def test_an_owner_gets_in_on_a_known_device_while_strangers_fail(ada: Mapping[str, Any], stranger: LogIn, log_in: LogIn) -> None:
    for _ in range(6):
        stranger()
    assert stranger(password=PASSWORD).status == 429
    assert log_in().status == 200


@pytest.mark.long
def test_a_known_device_waits_for_its_own_failures_only(ada: Mapping[str, Any], stranger: LogIn, log_in: LogIn) -> None:
    with time_machine.travel("2026-01-31T09:00:00Z", tick=False):
        assert [log_in(password=WRONG).status for _ in range(4)] == [401, 401, 401, 429]
        assert stranger(password=PASSWORD).status == 200


@pytest.mark.long
def test_an_account_that_does_not_exist_waits_alike(ada: Mapping[str, Any], stranger: LogIn) -> None:
    with time_machine.travel("2026-01-31T09:00:00Z", tick=False):
        known = [stranger() for _ in range(4)]
    with time_machine.travel("2026-01-31T10:00:00Z", tick=False):
        unknown = [stranger(email="nobody@example.com") for _ in range(4)]
    assert [answer.status for answer in unknown] == [401, 401, 401, 429]
    assert [answer.body for answer in unknown[:3]] == [answer.body for answer in known[:3]]
    told = [answer.body["errors"]["_"][0]["meta"] for answer in (known[3], unknown[3])]
    assert told[0].keys() == told[1].keys()
    assert [(meta["limit"], meta["scope"], meta["used"], meta["max"]) for meta in told] == [
        ("failed_logins", "account", 3, 3)
    ] * 2


@pytest.mark.long
def test_failures_on_many_accounts_make_the_network_wait(ada: Mapping[str, Any], stranger: LogIn) -> None:
    with time_machine.travel("2026-01-31T09:00:00Z", tick=False):
        tried = [stranger(email=f"nobody{n}@example.com").status for n in range(6)]
        assert tried == [401, 401, 401, 401, 401, 429]
        assert stranger(password=PASSWORD).status == 429


@pytest.mark.long
def test_a_success_does_not_forgive_the_network(ada: Mapping[str, Any], stranger: LogIn) -> None:
    with time_machine.travel("2026-01-31T09:00:00Z", tick=False):
        for n in range(4):
            stranger(email=f"nobody{n}@example.com")
        assert stranger(password=PASSWORD).status == 200
        assert [stranger(email=f"other{n}@example.com").status for n in range(2)] == [401, 429]


@pytest.mark.long
def test_guessing_the_current_password_is_throttled(as_ada: Client) -> None:
    def change(current: str) -> Answer:
        return as_ada.post("/auth/change-password", {"current_password": current, "new_password": "velvet-canoe-mosaic-31"})

    with time_machine.travel(time.time(), tick=False):
        tried = [change(WRONG) for _ in range(4)]
        assert [answer.status for answer in tried] == [401, 401, 401, 429]
        assert tried[0].codes == {"current_password": ["invalid_credentials"]}
        assert change(PASSWORD).status == 429


@pytest.mark.long
class TestTiming:
    """How long a refusal takes says nothing."""

    @pytest.fixture
    def app_settings(self, app_settings: Settings) -> Settings:
        return replace(app_settings, rate_limits=replace(app_settings.rate_limits, enabled=False))

    def test_known_and_unknown_addresses_are_refused_in_the_same_time(self, ada: Mapping[str, Any], stranger: LogIn) -> None:
        taken: dict[str, list[float]] = {"ada@example.com": [], "bob@example.com": []}
        for _ in range(200):
            for email, times in taken.items():
                begun = time.perf_counter()
                assert stranger(email=email).status == 401
                times.append(time.perf_counter() - begun)
        known, unknown = (statistics.median(times) for times in taken.values())
        noise = statistics.median(abs(one - known) for one in taken["ada@example.com"])
        assert abs(known - unknown) < max(0.03 * known, noise)
