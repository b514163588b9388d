"""The platform of an earlier commit and that of today work side by side on one database, under load, forward and back.

The earlier one is from before the newest migration that is for the second half of an upgrade, so there is something to apply in each half.
"""

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex

import pytest

from ...bench.databases import fresh
from ...processes.client import Client as Person
from ...processes.client import Secrets
from ..deployment import Deployment, installed
from ..workload import SCRIPT, Operation, prepare
from .side_by_side import Load, Release

pytestmark = [pytest.mark.long, pytest.mark.faults, pytest.mark.postgres, pytest.mark.redis]
_POSTS = ("aasim_core/migrations/*.post.py", "plugins/*/migrations/*.post.py")
_HISTORY = (
    "the history of the repository is not here, so that there is no earlier release to upgrade from; run: git fetch --unshallow"
)
#: The same run, so slow that releases change under it.
_SLOW = [reply if isinstance(reply, str) else {**reply, "delay_seconds": 3} for reply in SCRIPT["replies"]]


@pytest.fixture(scope="module")
def former(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder from which Python imports the former release."""
    folder = tmp_path_factory.mktemp("former")
    commit = git(root, "rev-parse", "--verify", f"{git(root, 'log', '-1', '--diff-filter=A', '--format=%H', '--', *_POSTS)}^")
    git(root, "archive", "--prefix=source/", f"--output={folder / 'source.tar'}", commit)
    subprocess.run(["tar", "-xf", str(folder / "source.tar"), "-C", str(folder)], check=True)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--target", str(folder / "installed"), str(folder / "source")], check=True, timeout=300)
    return folder / "installed"


def git(root: Path, *arguments: str) -> str:
    """What git says."""
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode:
        pytest.fail(f"{_HISTORY} ({done.stderr.strip()})", pytrace=False)
    return done.stdout.strip()


@pytest.fixture
def empty(redis_url: str) -> Iterator[Deployment]:
    """An installation on PostgreSQL without tables."""
    with fresh("postgresql", "faults") as database, installed(database, redis_url) as deployment:
        yield deployment


@pytest.fixture
def old(empty: Deployment, former: Path) -> Release:
    """The earlier release, installed."""
    release = Release(empty, "old", {"PYTHONPATH": str(former)})
    release.migrate()
    return release


@pytest.fixture
def new(empty: Deployment) -> Release:
    """The release of today, of which nothing is applied yet."""
    return Release(empty, "new")


class Follower(threading.Thread):
    """Somebody who follows the log of a run, and goes on at whichever release gets requests where the stream ends too early."""

    def __init__(self, load: Load) -> None:
        super().__init__()
        self._load, self._person = load, Person(0, Secrets(), load.token)
        self._path = f"/executions/{self._begin()}/logs"
        self.seen: list[dict[str, str]] = []
        self.resumed = -1
        self.start()

    def _begin(self) -> str:
        operation = self._load.history.add(Operation("execute", f"execute-{token_hex(8)}", self._load.history.agent))
        body = {"input": "Go.", "metadata": {"key": operation.key}, "parameters": {"replies": _SLOW}}
        self._load.client().insist(operation, "POST", f"/api/v1/agents/{self._load.history.agent}/execute", body)
        return str(operation.id)

    def run(self) -> None:
        """Follow to the end."""
        while not (self.seen and self.seen[-1]["event"] == "end"):
            self.resumed += 1
            self.seen += self._follow(**({"Last_Event_ID": self.seen[-1]["id"]} if self.seen else {}))

    def _follow(self, **headers: str) -> list[dict[str, str]]:
        self._person.port = self._load.rotation[0].port
        return list(self._person.follow(self._path, **headers))

    def has_all(self) -> bool:
        """Whether it has seen what somebody sees who reads the whole log now."""
        self.join(120)
        return not self.is_alive() and self.seen == self._follow()


def test_the_platform_is_upgraded_under_load_and_nothing_is_lost_doubled_or_cut_off(old: Release, new: Release) -> None:
    old.start()
    client, history = prepare(old.port)
    with Load(old.deployment, client.token, history, [old]) as load:
        followers = [Follower(load)]
        load.go_on()
        said = new.migrate()
        assert "Left for when all processes run this version" in said
        load.go_on()
        for before, after in ((old, new), (new, old), (old, new)):
            after.start()
            load.turn_to(before, after)
            assert new.command("migrate", "--post").returncode == 75, "the second half does not wait for the earlier release"
            followers.append(Follower(load))
            load.turn_to(after)
            before.stop()
            load.go_on()
        assert ".post" in new.migrate("--post")
        load.go_on()
        assert [follower.has_all() for follower in followers] == [True] * len(followers)
    assert sum(follower.resumed for follower in followers) > 0
    assert load.faults() == []
