"""Worker processes, as operators run them: killed, drained, and beside each other."""

import os
import queue
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from aasim_core.data.migrator.runner import CORE, Source
from aasim_core.secrets import Keyring, new_key, save_keyring

from .conftest import Shop

pytestmark = pytest.mark.long

PLUGINS = Path(__file__).parent / "plugins"
Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture(scope="session")
def migration_sources(root: Path) -> Sequence[Source]:
    """The core's own, and those of the plugin that is always on; the plugin of these tests has none."""
    return [Source("core", CORE), Source("auth", root / "plugins" / "auth" / "migrations")]


@pytest.fixture
def flags(databases: Any, request: pytest.FixtureRequest) -> Mapping[str, Any]:
    """Beside PostgreSQL the rings go through Redis, as in a large installation."""
    return {} if databases.app_role is None else {"queue.url": request.getfixturevalue("redis_url")}


@pytest.fixture
def start(shop: Shop, database_url: str, app_role: str | None, tmp_path: Path, root: Path) -> Iterator[Start]:
    """Starts worker processes, with settings like ``worker__threads=2``; they are killed at the end."""
    save_keyring(Keyring([new_key()]), tmp_path / "secrets.json")
    for name in ("note", "hang", "stop_when_asked", "linger", "overstay", "hold", "die"):
        shop.offers(f"probe.{name}")
    bundled = [path.parent.name for path in (root / "plugins").glob("*/__init__.py") if "essential=True" not in path.read_text()]
    environment = {
        "PATH": os.environ["PATH"],
        "AASIM_DATA_DIR": str(tmp_path),
        "AASIM_DATABASE_URL": database_url,
        "AASIM_DATABASE__APP_ROLE": app_role or "",
        "AASIM_QUEUE_URL": shop.app.settings.queue.url,
        "AASIM_PLUGINS__FOLDER": str(PLUGINS),
        "AASIM_PLUGINS__ENABLED": '["probe"]',
        "AASIM_PLUGINS__DISABLED": str(bundled).replace("'", '"'),
        "AASIM_LOG__FORMAT": "json",
    }
    started = []

    def start_one(**settings: Any) -> "subprocess.Popen[bytes]":
        more = {f"AASIM_{name.upper()}": str(value) for name, value in settings.items()}
        process = subprocess.Popen([sys.executable, "-m", "aasim_core", "worker"], env=environment | more, cwd=root)
        started.append(process)
        return process

    yield start_one
    for process in started:
        process.kill()
        process.wait()


class Inbox:
    """Where the jobs of the probe report; it takes everything at once, so that no job waits for the test."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self._words: queue.Queue[bytes] = queue.Queue()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.path)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        while word := self._socket.recv(200):
            self._words.put(word)

    def next(self, seconds: float = 60) -> tuple[str, int]:
        """The next word, and the number of the process that said it; queue.Empty when none comes."""
        word, number = self._words.get(timeout=seconds).decode().split()
        return word, int(number)

    def close(self) -> None:
        """Stop listening."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"", self.path)
        self._reader.join()
        self._socket.close()


@pytest.fixture
def inbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inbox]:
    """An inbox at a short path."""
    box = Inbox(tmp_path_factory.mktemp("i") / "s")
    yield box
    box.close()


def test_a_job_of_a_killed_worker_is_done_again_as_soon_as_a_worker_is_there(shop: Shop, start: Start, inbox: Inbox) -> None:
    job_id = shop.enqueue("probe.hang", {"socket": inbox.path, "word": "began"})
    first = start()
    assert inbox.next() == ("began", first.pid)
    first.kill()
    first.wait()
    second = start()
    assert inbox.next() == ("began", second.pid)
    assert (shop.job(job_id).state, shop.job(job_id).crash_count) == ("running", 1)


def test_a_job_of_a_killed_worker_is_taken_over_by_a_living_one(shop: Shop, start: Start, inbox: Inbox) -> None:
    shop.enqueue("probe.hang", {"socket": inbox.path, "word": "began"})
    workers = {process.pid: process for process in (start(), start())}
    _, number = inbox.next()
    workers.pop(number).kill()
    [survivor] = workers
    assert inbox.next() == ("began", survivor)


def test_a_job_that_kills_three_workers_is_dead_and_its_neighbours_are_done(shop: Shop, start: Start, inbox: Inbox) -> None:
    killer = shop.enqueue("probe.die", {"socket": inbox.path, "word": "killer"})
    for word in ("left", "right"):
        shop.enqueue("probe.linger", {"socket": inbox.path, "word": word})
    for _ in range(3):
        assert start().wait(60) == 9
    last = start()
    shop.wait_until(lambda: shop.states() == ["dead", "done", "done"])
    assert shop.job(killer).error.endswith("that was crash 3 of 3")
    assert last.poll() is None


def test_a_worker_that_is_told_to_stop_lets_jobs_hand_themselves_back(shop: Shop, start: Start, inbox: Inbox) -> None:
    job_id = shop.enqueue("probe.stop_when_asked", {"socket": inbox.path, "word": "began"})
    worker = start()
    inbox.next()
    worker.terminate()
    assert inbox.next() == ("handed-back", worker.pid)
    assert worker.wait(60) == 0
    assert (shop.job(job_id).state, shop.job(job_id).attempt, shop.job(job_id).crash_count) == ("queued", 0, 0)
    other = start()
    assert inbox.next() == ("began", other.pid)


def test_a_worker_that_is_told_to_stop_hands_back_what_does_not_end(shop: Shop, start: Start, inbox: Inbox) -> None:
    job_id = shop.enqueue("probe.hang", {"socket": inbox.path, "word": "began"})
    worker = start(worker__grace_seconds=1)
    inbox.next()
    worker.terminate()
    assert worker.wait(60) == 0
    assert (shop.job(job_id).state, shop.job(job_id).attempt, shop.job(job_id).crash_count) == ("queued", 0, 0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_the_worker_at_once(shop: Shop, start: Start, inbox: Inbox, number: signal.Signals) -> None:
    job_id = shop.enqueue("probe.hang", {"socket": inbox.path, "word": "began"})
    worker = start(worker__grace_seconds=3600)
    inbox.next()
    worker.send_signal(number)
    shop.wait_until(lambda: shop.job(job_id).state == "running")
    with pytest.raises(subprocess.TimeoutExpired):
        worker.wait(1)
    worker.send_signal(number)
    assert worker.wait(60) == 0
    assert shop.job(job_id).state == "queued"


def test_a_worker_all_of_whose_threads_are_stuck_ends_to_be_started_again(shop: Shop, start: Start, inbox: Inbox) -> None:
    stuck = [shop.enqueue("probe.overstay", {"socket": inbox.path, "word": "began"}) for _ in range(2)]
    assert start(worker__threads=2).wait(120) == 75
    assert [shop.job(job_id).attempt for job_id in stuck] == [1, 1]
    assert all(shop.job(job_id).error.startswith("it took longer than its time limit") for job_id in stuck)


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
def test_a_worker_ends_whose_job_holds_the_database(shop: Shop, start: Start, inbox: Inbox) -> None:
    shop.enqueue("probe.hold", {"socket": inbox.path, "word": "began"})
    assert start(worker__lease_seconds=5, worker__heartbeat_seconds=1).wait(120) == 75
    shop.enqueue("probe.note", {"socket": inbox.path, "word": "the-database-is-free"})


def test_a_worker_with_nothing_to_do_stops_at_once(shop: Shop, start: Start, inbox: Inbox) -> None:
    shop.enqueue("probe.note", {"socket": inbox.path, "word": "done"})
    worker = start(worker__grace_seconds=3600)
    inbox.next()
    worker.terminate()
    assert worker.wait(60) == 0
    assert list((Path(shop.data_dir) / "workers").iterdir()) == []


def test_an_idle_worker_is_woken_at_once_and_uses_no_processor_meanwhile(shop: Shop, start: Start, inbox: Inbox) -> None:
    shop.enqueue("probe.note", {"socket": inbox.path, "word": "ready"})
    worker = start(worker__poll_seconds=60)
    inbox.next()
    used = processor_seconds(worker.pid)
    with pytest.raises(queue.Empty):
        inbox.next(seconds=3)
    assert processor_seconds(worker.pid) - used < 1, "it looks again and again, or does the job of a minute that has just begun"
    for _ in range(20):
        shop.enqueue("probe.note", {"socket": inbox.path, "word": "done"})
        inbox.next(seconds=30)  # half of the time after which it would have looked


def processor_seconds(number: int) -> float:
    """The processor time that a process has used."""
    fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_no_job_is_lost_while_workers_are_killed(shop: Shop, start: Start, inbox: Inbox) -> None:
    words = {str(number) for number in range(300)}
    workers = [start(), start()]
    for word in sorted(words):
        shop.enqueue("probe.note", {"socket": inbox.path, "word": word})
    heard: set[str] = set()
    for count in (60, 120, 180, 240, 300):
        while len(heard) < count:
            heard.add(inbox.next()[0])
        workers[0].kill()
        workers = [*workers[1:], start()]
    assert heard == words
    shop.wait_until(lambda: set(shop.states()) == {"done"})
