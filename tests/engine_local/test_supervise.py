"""The engine host's life: started once, replaced when it dies or hangs, gone when nobody needs it."""

import os
import select
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aasim_plugins.engine_local.service import LocalChat
from aasim_plugins.engine_local.settings import LocalSettings
from aasim_plugins.engine_local.supervise import Endpoint, Supervisor
from aasim_plugins.engines.chat import Cancelled, EngineError, Message, Parameters

pytestmark = pytest.mark.long

LONG_STORY = [Message("user", "Tell a very long story about the sea.")]
FEW = Parameters(temperature=0, max_output_tokens=4)
MANY = Parameters(temperature=0, max_output_tokens=1500)


def start(supervisor: Supervisor) -> Endpoint:
    return supervisor.endpoint(lambda: False)


def has_ended(pid: int) -> bool:
    """Whether the process ends within a minute, seen without asking again and again."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], 60)[0])
    finally:
        os.close(descriptor)


def test_a_host_that_is_killed_while_it_talks_is_replaced_at_the_next_call(
    settings: LocalSettings, supervisor: Supervisor
) -> None:
    chat, host = LocalChat(settings, supervisor), start(supervisor)
    pieces: list[str] = []

    def kill_at_the_third(piece: str) -> None:
        pieces.append(piece)
        if len(pieces) == 3:
            os.kill(host.pid, signal.SIGKILL)

    with pytest.raises(EngineError) as caught:
        chat.chat(LONG_STORY, parameters=MANY, on_token=kill_at_the_third)
    assert (caught.value.code, caught.value.retryable) == ("unavailable", True)
    assert has_ended(host.pid)

    fresh = start(supervisor)

    assert fresh.pid != host.pid
    assert fresh.key != host.key
    assert chat.chat(LONG_STORY, parameters=FEW).text
    chat.close()


def test_a_host_that_hangs_is_replaced(settings: LocalSettings, supervisor: Supervisor) -> None:
    chat, host = LocalChat(settings, supervisor), start(supervisor)
    os.kill(host.pid, signal.SIGSTOP)

    with pytest.raises(EngineError) as caught:
        chat.chat(LONG_STORY, parameters=replace(FEW, timeout_seconds=0.5))
    assert (caught.value.code, caught.value.retryable) == ("timeout", True)

    assert has_ended(host.pid)
    assert chat.chat(LONG_STORY, parameters=FEW).text
    chat.close()


def test_a_cancelled_call_frees_the_host(settings: LocalSettings, supervisor: Supervisor) -> None:
    chat = LocalChat(settings, supervisor)

    def seconds_of_a_short_answer() -> float:
        began = time.monotonic()
        assert chat.chat(LONG_STORY, parameters=FEW).text
        return time.monotonic() - began

    seconds_of_a_short_answer()  # the host starts
    reference = seconds_of_a_short_answer()
    pieces: list[str] = []
    with pytest.raises(Cancelled):
        chat.chat(LONG_STORY, parameters=MANY, on_token=pieces.append, should_cancel=lambda: len(pieces) > 2)

    assert seconds_of_a_short_answer() < max(5, 30 * reference), "1,500 tokens would have taken longer"
    chat.close()


def test_many_at_once_start_one_host(settings: LocalSettings, supervisor: Supervisor, tmp_path: Path) -> None:
    others = [Supervisor(settings, tmp_path) for _ in range(3)]
    with ThreadPoolExecutor(8) as pool:
        hosts = list(pool.map(start, [supervisor, *others] * 2))

    assert len({host.pid for host in hosts}) == 1
    for other in others:
        other.release()
    assert start(supervisor) == hosts[0]


def test_the_host_ends_when_its_last_user_does(settings: LocalSettings, supervisor: Supervisor, tmp_path: Path) -> None:
    code = f"""
import sys
from pathlib import Path
from aasim_plugins.engine_local.settings import LocalSettings
from aasim_plugins.engine_local.supervise import Supervisor
supervisor = Supervisor(LocalSettings(model_path=Path({str(settings.model_path)!r})), Path({str(tmp_path)!r}))
print(supervisor.endpoint(lambda: False).pid, flush=True)
sys.stdin.read()
"""
    user = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert user.stdout is not None
    host = int(user.stdout.readline())
    assert start(supervisor).pid == host, "processes of one installation share the host"

    user.kill()
    user.communicate()
    assert start(supervisor).pid == host, "the host outlives the process that started it while another needs it"
    supervisor.release()

    assert has_ended(host)
    assert start(supervisor).pid != host


def test_other_settings_have_another_host(settings: LocalSettings, supervisor: Supervisor, tmp_path: Path) -> None:
    other = Supervisor(replace(settings, context_tokens=512), tmp_path)

    assert start(other).pid != start(supervisor).pid

    other.release()


def test_a_sleeping_host_wakes_for_a_call(settings: LocalSettings, tmp_path: Path) -> None:
    sleepy = replace(settings, sleep_idle_seconds=1)
    supervisor = Supervisor(sleepy, tmp_path)
    host, chat = start(supervisor), LocalChat(sleepy, supervisor)
    before = chat.chat(LONG_STORY, parameters=FEW)

    until_asleep(host.pid)

    assert chat.chat(LONG_STORY, parameters=FEW).text == before.text
    assert start(supervisor) == host
    chat.close()
    supervisor.release()


def until_asleep(pid: int) -> None:
    """Wait until the model has left the process's memory."""
    deadline = time.monotonic() + 60
    while resident_megabytes(pid) > 150:
        assert time.monotonic() < deadline, "the host does not go to sleep"
        threading.Event().wait(0.05)


def resident_megabytes(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 2**20


def test_a_missing_model_says_what_to_do(settings: LocalSettings, tmp_path: Path) -> None:
    supervisor = Supervisor(replace(settings, model_path=tmp_path / "none.gguf"), tmp_path)

    with pytest.raises(EngineError, match="aasim engines fetch") as caught:
        start(supervisor)

    assert (caught.value.code, caught.value.retryable) == ("unavailable", False)


def test_a_file_that_is_no_model_is_reported_with_the_log(settings: LocalSettings, tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF, but not really")
    supervisor = Supervisor(replace(settings, model_path=broken), tmp_path)

    with pytest.raises(EngineError, match=r"cannot start: .*host\.log") as caught:
        start(supervisor)

    assert caught.value.code == "unavailable"
    supervisor.release()


def test_waiting_for_the_start_can_be_cancelled(supervisor: Supervisor) -> None:
    with pytest.raises(Cancelled):
        supervisor.endpoint(lambda: True)

    assert start(supervisor).pid, "the next call starts a host all the same"


def test_a_host_that_does_not_come_up_in_time_is_given_up(settings: LocalSettings, tmp_path: Path) -> None:
    supervisor = Supervisor(replace(settings, start_seconds=0.0), tmp_path)

    with pytest.raises(EngineError, match="did not start within 0 seconds") as caught:
        start(supervisor)

    assert caught.value.retryable
    supervisor.release()


def test_a_chat_goes_on_after_its_host_was_replaced_by_another_process(settings: LocalSettings, supervisor: Supervisor) -> None:
    chat = LocalChat(settings, supervisor)
    first = chat.chat(LONG_STORY, parameters=FEW)
    host = start(supervisor)
    os.kill(host.pid, signal.SIGKILL)
    assert has_ended(host.pid)
    start(supervisor)

    assert chat.chat(LONG_STORY, parameters=FEW) == first
    chat.close()


def test_a_call_that_waits_behind_another_one_can_be_cancelled(settings: LocalSettings, shared_supervisor: Any) -> None:
    talking, done = threading.Event(), threading.Event()

    def talk() -> None:
        chat = LocalChat(settings, shared_supervisor)
        with pytest.raises(Cancelled):
            chat.chat(LONG_STORY, parameters=MANY, on_token=lambda _: talking.set(), should_cancel=done.is_set)
        chat.close()

    thread = threading.Thread(target=talk)
    thread.start()
    assert talking.wait(60)
    waiting = LocalChat(settings, shared_supervisor)
    asked = iter([False, False, True])
    with pytest.raises(Cancelled):
        waiting.chat(LONG_STORY, parameters=FEW, should_cancel=lambda: next(asked, True))
    waiting.close()
    done.set()
    thread.join()
