"""What every test has: an environment without settings of the person who runs it, and Redis where it answers."""

import gc
import logging
import os
import signal
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import structlog

ROOT = Path(__file__).parent.parent
#: The folders whose tests take minutes each. They come first, so that at the end of a run no process waits for another one's last.
SLOW = frozenset({"faults"})
#: Distributions of somebody else's, whose tests are their own.
collect_ignore = ["sample", "wheel/kept"]
#: Where each plugin is held to its contract: a third of the tests. Those of the plugins in `tests/test_plugins`, which use every hook, run
#: each time.
CONTRACT = "test_contract.py"
MISSING = "no Redis server answers"

# How long an example takes says more about the machine than about the code.
hypothesis.settings.register_profile("aasim", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("aasim")

# A command that a script starts in the background ignores SIGINT, and so would the processes that tests start and stop by it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AASIM_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def command_logs() -> Iterator[None]:
    """For tests that run `aasim` within their process: what it configures of the log is undone, or later tests would miss lines."""
    before, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.configure(**before)
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder of the checkout."""
    return ROOT


@pytest.fixture
def redis_url() -> Iterator[str]:
    """The URL of an empty Redis database that no other test has, of this run or of another one; emptied after the test."""
    import redis

    with redis.Redis.from_url(redis_server(), single_connection_client=True) as register:
        number = claimed_database(register)
        url = f"{redis_server().rpartition('/')[0]}/{number}"
        with redis.Redis.from_url(url) as client:
            client.flushdb()
            yield url
            client.flushdb()
        register.delete(_claim(number))


def claimed_database(register: Any) -> int:
    """The number of a database that is this test's as long as its connection `register` lasts, or until it deletes the claim."""
    own, until = register.client_id(), time.monotonic() + 600
    while time.monotonic() < until:
        alive = {client["id"] for client in register.client_list()}
        for number in range(1, 15):  # 0 holds the claims, and 15 belongs to the benchmarks
            if register.eval(_TAKE, 1, _claim(number), own, *alive):
                return number
        time.sleep(0.1)
    raise TimeoutError(f"every database of the Redis server at {redis_server()} is claimed by tests")


#: Claims a database for the first of the connections, unless another one that is alive has it; a run that was killed leaves its claims.
_TAKE = """
local holder = redis.call('GET', KEYS[1])
for index = 2, #ARGV do if ARGV[index] == holder then return 0 end end
redis.call('SET', KEYS[1], ARGV[1], 'EX', 86400)
return 1
"""


def _claim(number: int) -> str:
    return f"aasim-tests:{number}"


def redis_server() -> str:
    """Where Redis is expected."""
    return os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/0")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is for the long run, and leave out what needs Redis where none answers; in CI such a test fails instead."""
    items.sort(key=lambda item: _folder_of(item.path) not in SLOW)
    for item in items:
        if _is_for_the_long_run(item):
            item.add_marker(pytest.mark.long)
    needy = [item for item in items if item.get_closest_marker("redis")]
    if not needy or _has_redis():
        return
    reason = f"{MISSING} at {redis_server()}"
    if os.environ.get("CI"):
        raise pytest.UsageError(f"{reason}, and in CI nothing may be left out; start one, or set TEST_REDIS_URL")
    for item in needy:
        item.add_marker(pytest.mark.skip(reason=reason))


@cache
def _folder_of(path: Path) -> str:
    return path.relative_to(ROOT / "tests").parts[0]


def _is_for_the_long_run(item: pytest.Item) -> bool:
    """The isolation matrix; what starts API and worker; the contracts of our plugins; what runs on PostgreSQL."""
    folder = _folder_of(item.path)
    if "matrix" in getattr(item, "fixturenames", ()) or folder == "processes":
        return True
    if item.path.name == CONTRACT and folder != "test_plugins":
        return True
    return item.get_closest_marker("postgres") is not None


def pytest_collection_finish() -> None:
    """Take the thousands of collected tests out of the garbage collector's sight: walking them cost a sixth of the run.

    The threshold is for the app that each test makes and leaves, so that it is looked for once in some tests, not many times in each.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 10, 10)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in one loud line what was left out for want of a server."""
    count = sum(MISSING in str(report.longrepr) for report in terminalreporter.stats.get("skipped", []))
    if count:
        line = f"LEFT OUT: {count} tests, for {MISSING} at {redis_server()}; start one, or set TEST_REDIS_URL"
        terminalreporter.write_line(line, red=True, bold=True)


def _has_redis() -> bool:
    try:
        import redis
    except ImportError:
        return False
    try:
        with redis.Redis.from_url(redis_server(), socket_connect_timeout=3) as client:
            client.ping()
    except (OSError, redis.RedisError):
        return False
    return True
