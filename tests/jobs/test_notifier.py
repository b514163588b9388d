"""The notifier: quick when it works, and harmless when it does not."""

import logging
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from structlog.testing import capture_logs

from aasim_core.jobs.notify.huey_messages import InRedis, JsonSerializer, open_huey, open_messages
from aasim_core.jobs.notify.notifier import Notifier
from aasim_core.jobs.notify.unix_sockets import Sockets
from aasim_core.jobs.worker_liveness import Presence
from aasim_core.settings import Settings

#: Where huey keeps the messages in Redis.
QUEUE = "huey.redis.aasim"


def notifier(data_dir: Path, queue_url: str = "sqlite:///{data_dir}/queue.db") -> Notifier:
    """A notifier as a process of that installation has it."""
    return Notifier(Settings.load({"data_dir": str(data_dir), "queue.url": queue_url}, environ={}))


@pytest.fixture(params=["sqlite", pytest.param("redis", marks=pytest.mark.redis)])
def queue_url(request: pytest.FixtureRequest) -> str:
    """Each kind of queue."""
    if request.param == "redis":
        return str(request.getfixturevalue("redis_url"))
    return "sqlite:///{data_dir}/queue.db"


@pytest.fixture
def receivers(tmp_path: Path, queue_url: str) -> Iterator[list[Any]]:
    """Two workers' receivers."""
    opened = [notifier(tmp_path, queue_url).listen(f"worker-{number}-x") for number in range(2)]
    yield opened
    for receiver in opened:
        receiver.close()


def test_a_notification_is_received_at_once(tmp_path: Path, queue_url: str, receivers: list[Any]) -> None:
    listeners = [threading.Thread(target=lambda receiver=receiver: heard.append(receiver.wait(120))) for receiver in receivers]
    heard: list[bool] = []
    for listener in listeners:
        listener.start()
    sender = notifier(tmp_path, queue_url)
    began = time.monotonic()
    for _ in listeners:
        sender.notify()
    for listener in listeners:
        listener.join()
    assert heard == [True, True]
    assert time.monotonic() - began < 60


@pytest.mark.long
def test_without_a_notification_nothing_is_received(receivers: list[Any]) -> None:
    assert not receivers[0].wait(0.3)


def test_every_worker_of_the_machine_hears_a_datagram(tmp_path: Path) -> None:
    receivers = [notifier(tmp_path).listen(f"worker-{number}-x") for number in range(3)]
    notifier(tmp_path).notify()
    assert [receiver.wait(60) for receiver in receivers] == [True, True, True]
    for receiver in receivers:
        receiver.close()


@pytest.mark.long
def test_what_was_rung_before_a_worker_came_does_not_count(tmp_path: Path, queue_url: str) -> None:
    sender = notifier(tmp_path, queue_url)
    sender.notify()
    receiver = notifier(tmp_path, queue_url).listen("worker-1-x")
    assert not receiver.wait(0.3)
    receiver.close()


@pytest.mark.long
def test_a_message_rings_where_no_datagram_arrives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Sockets, "listen", lambda self, worker: None)
    Presence(tmp_path).enter()
    receiver = notifier(tmp_path).listen("worker-1-x")
    notifier(tmp_path).notify()
    assert receiver.wait(60)
    receiver.close()


def test_no_message_is_written_where_a_datagram_arrived(tmp_path: Path) -> None:
    receiver = notifier(tmp_path).listen("worker-1-x")
    notifier(tmp_path).notify()
    huey, _ = open_huey(f"sqlite:///{tmp_path}/queue.db", wait_seconds=1)
    assert huey.storage.queue_size() == 0
    huey.storage.close()
    receiver.close()


def test_a_worker_that_hears_nothing_any_more_blocks_nobody(tmp_path: Path) -> None:
    receiver = notifier(tmp_path).listen("worker-1-x")
    sender = notifier(tmp_path)
    for _ in range(1000):
        sender.notify()
    assert receiver.wait(60)
    receiver.close()


def test_rings_that_came_together_are_heard_as_one(tmp_path: Path) -> None:
    receiver = notifier(tmp_path).listen("worker-1-x")
    sender = notifier(tmp_path)
    for _ in range(5):
        sender.notify()
    assert receiver.wait(60)
    assert not receiver.wait(0.05)
    receiver.close()


@pytest.mark.redis
def test_over_redis_as_many_are_heard_as_one_as_were_asked_for(tmp_path: Path, redis_url: str) -> None:
    sender = notifier(tmp_path, redis_url)
    receiver = sender.listen("worker-1-x")
    for _ in range(5):
        sender.notify()
    assert receiver.wait(60, most=4)
    assert receiver.wait(60, most=4)
    assert not receiver.wait(0.05, most=4)


def test_in_a_file_too(tmp_path: Path) -> None:
    queue = open_messages(f"sqlite:///{tmp_path}/queue.db")
    for _ in range(5):
        queue.notify()
    assert [queue.take(0, 4), queue.take(0, 4), queue.take(0, 4)] == [True, True, False]
    queue.close()


@pytest.mark.long
@pytest.mark.redis
def test_after_what_redis_refused_its_answers_are_told_apart(redis_url: str) -> None:
    queue = InRedis(redis_url)
    with redis.Redis.from_url(redis_url) as client:
        client.set(QUEUE, "no list")
        with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
            queue.take(0.1, 2)
        client.delete(QUEUE)
        assert not queue.take(0.1, 2)
        client.lpush(QUEUE, "1", "2", "3")
        assert [queue.take(0.1, 2), queue.take(0.1, 2), queue.take(0.1, 2)] == [True, True, False]
    queue.close()


def test_the_socket_of_a_dead_worker_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "workers").mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as dead:
        dead.bind(str(tmp_path / "workers" / "worker-1-x.sock"))
    receiver = notifier(tmp_path).listen("worker-2-x")
    notifier(tmp_path).notify()
    assert receiver.wait(60)
    receiver.close()


def test_a_data_folder_with_a_long_name_works_too(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 120)
    folder.mkdir()
    receiver = notifier(folder).listen("worker-1-x")
    notifier(folder).notify()
    assert receiver.wait(60)
    receiver.close()
    assert list((folder / "workers").iterdir()) == []


def test_nothing_is_written_while_no_worker_runs(tmp_path: Path) -> None:
    notifier(tmp_path).notify()
    assert list(tmp_path.iterdir()) == []


def test_messages_do_not_pile_up_for_a_worker_that_does_not_read_them(tmp_path: Path) -> None:
    Presence(tmp_path).enter()
    sender = notifier(tmp_path)
    for _ in range(500):
        sender.notify()
    huey, _ = open_huey(f"sqlite:///{tmp_path}/queue.db", wait_seconds=1)
    assert huey.storage.queue_size() < 20
    huey.storage.close()


@pytest.mark.long
@pytest.mark.redis
def test_messages_do_not_pile_up_in_redis_either(tmp_path: Path, redis_url: str) -> None:
    sender = notifier(tmp_path, redis_url)
    for _ in range(2500):
        sender.notify()
    huey, _ = open_huey(redis_url, wait_seconds=1)
    assert huey.storage.queue_size() <= 1100


@pytest.mark.redis
def test_a_connection_that_the_server_has_closed_is_opened_again(redis_url: str) -> None:
    queue = InRedis(redis_url)
    with redis.Redis.from_url(redis_url) as client:
        others = {each["id"] for each in client.client_list()}
        queue.notify()
        here = [each for each in client.client_list() if each["db"] == redis_url.rpartition("/")[2]]
        [mine] = [each["id"] for each in here if each["cmd"] == "lpush" and each["id"] not in others]
        client.client_kill_filter(_id=mine)
        queue.notify()
        assert client.llen(QUEUE) == 2
    queue.close()


@pytest.mark.redis
def test_what_redis_refuses_is_told_and_then_forgotten(redis_url: str) -> None:
    queue = InRedis(redis_url)
    with redis.Redis.from_url(redis_url) as client:
        client.set(QUEUE, "no list")
        with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
            queue.notify()
        client.delete(QUEUE)
        queue.notify()
        assert client.llen(QUEUE) == 1
    queue.close()


@pytest.mark.parametrize("queue_url", ["redis://127.0.0.1:1/0", "sqlite:////dev/null/queue.db"])
def test_a_queue_that_is_down_fails_no_request_and_slows_none(
    tmp_path: Path, queue_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    sender = notifier(tmp_path, queue_url)
    sender.notify()  # imports huey
    began = time.monotonic()
    for _ in range(100):
        sender.notify()
    assert time.monotonic() - began < 20


def test_of_a_queue_that_is_down_a_worker_tells_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aasim_core.jobs.notify.notifier.DEAF_SECONDS", 0.001)
    receiver = notifier(tmp_path, "redis://127.0.0.1:1/0").listen("worker-0-x")
    with capture_logs() as told:
        assert not receiver.wait(0.1)
    assert [line["event"] for line in told] == ["cannot listen for notifications; polling for jobs instead"]


@pytest.mark.redis
def test_a_queue_that_is_back_is_heard_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, redis_url: str) -> None:
    monkeypatch.setattr("aasim_core.jobs.notify.notifier.DEAF_SECONDS", 0.001)
    sender = notifier(tmp_path, redis_url)
    receiver: Any = sender.listen("worker-0-x")
    there, receiver._messages = receiver._messages, InRedis("redis://127.0.0.1:1/0")
    with capture_logs() as told:
        receiver.wait(0.1)
        receiver._messages = there
        sender.notify()
        assert receiver.wait(60)
    assert [line["event"] for line in told] == [
        "cannot listen for notifications; polling for jobs instead",
        "notifications work again",
    ]


def test_messages_are_json_and_not_pickle() -> None:
    huey, task = open_huey("sqlite:///:memory:", wait_seconds=1)
    message = huey.serialize_task(task.s())
    assert message.startswith(b'["')
    assert huey.deserialize_task(message).name == "notify"
    with pytest.raises(ValueError, match="line 1"):
        JsonSerializer().deserialize(b"\x80\x04K\x01.")
    huey.storage.close()


def test_a_ring_costs_the_request_little(tmp_path: Path) -> None:
    receiver = notifier(tmp_path).listen("worker-1-x")
    sender = notifier(tmp_path)
    costs = []
    for _ in range(200):
        began = time.perf_counter()
        sender.notify()
        costs.append(time.perf_counter() - began)
        receiver.wait(0.01)
    logging.getLogger(__name__).info("a notification costs %.0f µs", sorted(costs)[100] * 1e6)
    assert sorted(costs)[100] < 0.01
    receiver.close()
