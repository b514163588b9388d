"""The supervisor: processes that die come back, and all stop in good order."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from aasim_core.process.supervisor import Supervisor

#: A process that says that it runs, waits for SIGTERM, and says that it got it.
OBEDIENT = """
import pathlib, signal, sys
here = pathlib.Path(sys.argv[1])
def stop(*_):
    (here / "stopped").touch()
    sys.exit()
signal.signal(signal.SIGTERM, stop)
with open(here / "started", "a") as file:
    file.write("x")
while True:
    signal.pause()
"""
#: A process that does not stop when it is told to.
STUBBORN = OBEDIENT.replace("sys.exit()", "return")


#: The beginning of one that waits for a file.
WAITING = """
import pathlib, sys, time
while not (pathlib.Path(sys.argv[1]) / "go").exists():
    time.sleep(0.01)
"""


def python(source: str, *arguments: str) -> Sequence[str]:
    return [sys.executable, "-c", source, *arguments]


def size_of(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def started(folder: Path, times: int) -> Callable[[], bool]:
    return lambda: size_of(folder / "started") >= times


def test_processes_are_started_and_told_to_stop(tmp_path: Path) -> None:
    supervisor = Supervisor({"one": python(OBEDIENT, str(tmp_path))}, pytest.fail)
    with supervisor.running(grace_seconds=60):
        assert supervisor.watch(started(tmp_path, 1), 60)
    assert (tmp_path / "stopped").exists()
    assert supervisor.exit_code == 0


@pytest.mark.long
def test_a_process_that_dies_is_started_again_after_a_growing_delay(tmp_path: Path) -> None:
    said: list[str] = []
    supervisor = Supervisor({"one": python(OBEDIENT, str(tmp_path))}, said.append)
    with supervisor.running(grace_seconds=60):
        assert supervisor.watch(started(tmp_path, 1), 60)
        for times in (2, 3):
            supervisor.children[0].process.kill()  # type: ignore[union-attr]
            assert supervisor.watch(started(tmp_path, times), 60)
    assert said == [
        "one was ended by SIGKILL; it is started again in 0.5 s",
        "one was ended by SIGKILL; it is started again in 1 s",
    ]


def test_a_process_that_cannot_start_ends_everything_with_its_exit_code(tmp_path: Path) -> None:
    commands = {"one": python(OBEDIENT, str(tmp_path)), "two": python("import sys; sys.exit(78)")}
    supervisor = Supervisor(commands, pytest.fail)
    with supervisor.running(grace_seconds=60):
        assert not supervisor.watch(lambda: False, 60)
    assert supervisor.exit_code == 78


def test_a_process_that_gives_up_soon_after_all_was_ready_ends_everything_too(tmp_path: Path) -> None:
    commands = {"one": python(OBEDIENT, str(tmp_path)), "two": python(f"{WAITING}sys.exit(74)", str(tmp_path))}
    supervisor = Supervisor(commands, pytest.fail)
    with supervisor.running(grace_seconds=60):
        assert supervisor.watch(started(tmp_path, 1), 60)
        (tmp_path / "go").touch()
        assert not supervisor.watch(seconds=60)
    assert (supervisor.is_stopping, supervisor.exit_code) == (True, 74)


@pytest.mark.long
def test_processes_are_replaced_when_they_have_stopped(tmp_path: Path) -> None:
    supervisor = Supervisor({"one": python(OBEDIENT, str(tmp_path))}, pytest.fail)
    other = tmp_path / "other"
    other.mkdir()
    with supervisor.running(grace_seconds=60):
        assert supervisor.watch(started(tmp_path, 1), 60)
        supervisor.replace({"one": python(OBEDIENT, str(other))})
        assert supervisor.watch(started(other, 1), 60)
        assert (tmp_path / "stopped").exists()
    assert (supervisor.exit_code, size_of(tmp_path / "started")) == (0, 1)


@pytest.mark.long
def test_a_replacement_that_cannot_start_waits_for_the_next_one(tmp_path: Path) -> None:
    supervisor = Supervisor({"one": python(OBEDIENT, str(tmp_path))}, pytest.fail, reloads=True)
    with supervisor.running(grace_seconds=60):
        assert supervisor.watch(started(tmp_path, 1), 60)
        supervisor.replace({"one": python("import sys; sys.exit(78)")})
        assert supervisor.watch(lambda: supervisor.given_up == ["one"], 60)
        supervisor.replace({"one": python(OBEDIENT, str(tmp_path))})
        assert supervisor.watch(started(tmp_path, 2), 60)
    assert supervisor.exit_code == 0


@pytest.mark.long
def test_a_process_that_does_not_stop_in_time_is_killed(tmp_path: Path) -> None:
    supervisor = Supervisor({"one": python(STUBBORN, str(tmp_path))}, pytest.fail)
    with supervisor.running(grace_seconds=0.2):
        assert supervisor.watch(started(tmp_path, 1), 60)
    process = supervisor.children[0].process
    assert process is not None
    assert process.returncode == -signal.SIGKILL


def test_a_signal_ends_the_watch(tmp_path: Path) -> None:
    supervisor = Supervisor({"one": python(OBEDIENT, str(tmp_path))}, pytest.fail)
    before = signal.getsignal(signal.SIGTERM)
    with supervisor.running(grace_seconds=60):
        assert supervisor.watch(started(tmp_path, 1), 60)
        os.kill(os.getpid(), signal.SIGTERM)
        assert not supervisor.watch()
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent is gone")
def test_a_process_ends_with_its_parent_however_that_ended(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    child = f"import os; from aasim_core.process.supervisor import end_with; end_with(os.getppid())\n{OBEDIENT}"
    parent = (
        f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {child!r}, sys.argv[1]], pass_fds=[{writer}]).wait()"
    )
    supervisor = Supervisor({"one": python("import signal; signal.pause()")}, pytest.fail)
    process = subprocess.Popen(python(parent, str(tmp_path)), pass_fds=[writer])
    os.close(writer)
    with supervisor.running(grace_seconds=60):
        assert supervisor.watch(started(tmp_path, 1), 60)
    process.kill()
    process.wait()
    assert os.read(reader, 1) == b""  # the end of the pipe: the last process that had it is gone
    os.close(reader)
    assert (tmp_path / "stopped").exists()
