"""Rate limits: what is counted together, when there is room again, and what is told about it."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aasim_core.errors import Refused
from aasim_core.http.rate_counters import MemoryWindows, RedisWindows
from aasim_core.http.rate_limits import Limiter, network_of
from aasim_core.settings.sections import RateLimitSettings
from aasim_core.tenancy.principal import Principal

ADA = Principal("user", "user_ada", "org_a", 1, "Ada")


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.time = 6_000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


def limiter(clock: Clock, **settings: object) -> Limiter:
    section = replace(RateLimitSettings(), **settings)
    return Limiter(SimpleNamespace(rate_limits=section), MemoryWindows(clock))


def refusal(limits: Limiter, principal: Principal | None = ADA, address: str = "192.0.2.1") -> Refused:
    with pytest.raises(Refused) as caught:
        limits.check(principal, address)
    return caught.value


def test_as_many_requests_as_allowed_are_let_through(clock: Clock) -> None:
    limits = limiter(clock, principal_per_minute=3)
    assert [limits.check(ADA, "")["X-RateLimit-Remaining"] for _ in range(3)] == ["2", "1", "0"]
    assert refusal(limits).status == 429


def test_refusal_says_which_limit_and_when_there_is_room(clock: Clock) -> None:
    limits = limiter(clock, principal_per_minute=1)
    limits.check(ADA, "")
    refused = refusal(limits)
    meta = refused.problems["_"][0].meta
    assert refused.code == "rate_limited"
    assert refused.retry_after == 61
    assert {key: meta[key] for key in ("limit", "scope", "scope_id", "used", "max")} == {
        "limit": "requests_per_minute",
        "scope": "principal",
        "scope_id": "user_ada",
        "used": 1,
        "max": 1,
    }
    assert meta["resets_at"].endswith("Z")


def test_headers_tell_the_policy_and_what_is_left(clock: Clock) -> None:
    clock.time += 15
    assert limiter(clock, principal_per_minute=10).check(ADA, "") == {
        "RateLimit-Policy": '"principal";q=10;w=60',
        "RateLimit": '"principal";r=9;t=45',
        "X-RateLimit-Limit": "10",
        "X-RateLimit-Remaining": "9",
        "X-RateLimit-Reset": "45",
    }


def test_refusal_has_the_headers_too(clock: Clock) -> None:
    limits = limiter(clock, principal_per_minute=1)
    limits.check(ADA, "")
    assert refusal(limits).headers["X-RateLimit-Remaining"] == "0"


def test_anonymous_requests_of_one_network_count_together(clock: Clock) -> None:
    limits = limiter(clock, anonymous_per_minute=1)
    limits.check(None, "192.0.2.1")
    limits.check(None, "198.51.100.1")
    assert refusal(limits, None, "192.0.2.77").problems["_"][0].meta["scope_id"] == "192.0.2.0/24"


def test_principals_of_one_organization_share_its_limit_and_not_each_others(clock: Clock) -> None:
    limits = limiter(clock, principal_per_minute=2, organization_per_minute=3)
    bob, eve = replace(ADA, user_id="user_bob"), replace(ADA, user_id="user_eve", organization_id="org_e")
    for principal in (ADA, ADA, bob, eve):
        limits.check(principal, "")
    assert refusal(limits, ADA).problems["_"][0].meta["scope"] == "principal"
    assert refusal(limits, bob).problems["_"][0].meta["scope"] == "organization"


def test_refused_requests_of_a_principal_do_not_use_up_the_organizations(clock: Clock) -> None:
    limits = limiter(clock, principal_per_minute=1, organization_per_minute=3)
    limits.check(ADA, "")
    for _ in range(5):
        refusal(limits)
    assert limits.check(replace(ADA, user_id="user_bob"), "")


def test_key_may_have_a_lower_limit_of_its_own_and_no_higher_one(clock: Clock) -> None:
    key = Principal("api_key", "user_ada", "org_a", 1, "key", api_key_id="key_1", rate_limit=1)
    limits = limiter(clock, principal_per_minute=2)
    assert limits.check(key, "")["X-RateLimit-Limit"] == "1"
    assert limits.check(replace(key, rate_limit=100), "")["X-RateLimit-Limit"] == "2"


def test_only_so_many_requests_run_at_once(clock: Clock) -> None:
    limits = limiter(clock, concurrent_per_principal=2)
    with limits.slot(ADA), limits.slot(ADA):
        with pytest.raises(Refused) as caught, limits.slot(ADA):
            raise AssertionError("the third request was let in")
        with limits.slot(replace(ADA, user_id="user_bob")):
            pass
    assert caught.value.problems["_"][0].meta["limit"] == "concurrent_requests"
    with limits.slot(ADA):
        pass


def test_slot_is_given_back_when_the_request_fails(clock: Clock) -> None:
    limits = limiter(clock, concurrent_per_principal=1)
    with pytest.raises(ZeroDivisionError), limits.slot(ADA):
        raise ZeroDivisionError
    with limits.slot(ADA):
        pass


def test_nothing_is_counted_when_limits_are_off(clock: Clock) -> None:
    limits = limiter(clock, enabled=False, principal_per_minute=1, concurrent_per_principal=1)
    assert [limits.check(ADA, "") for _ in range(3)] == [{}, {}, {}]
    with limits.slot(ADA), limits.slot(ADA):
        pass


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.200", "192.0.2.0/24"),
        ("::ffff:192.0.2.200", "192.0.2.0/24"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("::1", "::/64"),
        ("", "unknown"),
        ("example.com", "unknown"),
    ],
)
def test_address_counts_for_its_network(address: str, network: str) -> None:
    assert network_of(address) == network


@given(most=st.integers(1, 5), steps=st.lists(st.tuples(st.floats(0, 50), st.integers(1, 8)), min_size=1, max_size=12))
def test_after_the_announced_wait_there_is_room_and_not_much_earlier(most: int, steps: list[tuple[float, int]]) -> None:
    clock = Clock()
    windows = MemoryWindows(clock)
    for pause, hits in steps:
        clock.time += pause
        for _ in range(hits):
            usage = windows.hit("k", most)
            assert usage.used <= most
    while usage.allowed:
        usage = windows.hit("k", most)
    refused_at = clock.time
    clock.time = refused_at + max(0, usage.wait - 1.001)  # a clock that went back would turn the window
    assert not windows.hit("k", most).allowed
    clock.time = refused_at + usage.wait
    assert windows.hit("k", most).allowed


def test_newcomers_share_a_counter_when_memory_is_full(clock: Clock) -> None:
    windows = MemoryWindows(clock)
    for number in range(100_000):
        windows.hit(str(number), 1)
    assert [windows.hit(name, 2).allowed for name in ("a", "b", "c")] == [True, True, False]
    assert windows.hit("5", 2).allowed


@pytest.mark.redis
def test_redis_counts_for_all_processes(redis_url: str) -> None:
    one, other = RedisWindows(redis_url), RedisWindows(redis_url)
    assert [one.hit("k", 2).used, other.hit("k", 2).used] == [1, 2]
    usage = one.hit("k", 2)
    assert not usage.allowed
    assert 50 <= usage.wait <= 61


def test_requests_are_counted_in_memory_while_redis_does_not_answer() -> None:
    windows = RedisWindows("redis://127.0.0.1:1/0")
    assert [windows.hit("k", 1).allowed for _ in range(2)] == [True, False]
