"""A disk that is full: what cannot be kept is refused, what was answered is there when there is room again."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex

import pytest

from ...faults.disk import fill, small_disk
from ..client import Client
from ..conftest import NO_MODEL
from ..installation import Installation

STORAGE = 74


@pytest.fixture
def on_small_disk(tmp_path: Path, migrated: Path) -> Iterator[Installation]:
    """An installation whose folder, with data and logs, is a small disk."""
    with small_disk(tmp_path / "disk", 6) as folder:
        installation = Installation(folder, dict(NO_MODEL))
        shutil.copytree(migrated, installation.data)
        yield installation
        installation.close()


def create(ada: Client, size: int) -> str | None:
    """The name of a new agent with instructions of that size, or None if the disk is full."""
    name = f"Agent {token_hex(8)}"
    answer = ada.post("/agents", {"name": name, "instructions": "x" * size})
    if answer.status == 503:
        assert answer.codes == ["storage_unavailable"]
        assert int(answer.headers["Retry-After"]) > 0
        return None
    assert answer.status == 201, answer
    return name


def test_what_was_answered_survives_a_full_disk_and_work_goes_on_when_there_is_room(on_small_disk: Installation) -> None:
    worker, server = on_small_disk.start("worker"), on_small_disk.serve()
    ada = on_small_disk.visitor.register()
    agent = ada.agent("Done.")
    kept = [create(ada, 100)]
    filler = fill(on_small_disk.folder)
    while kept[-1] is not None and len(kept) < 1000:
        kept.append(create(ada, 10_000))
    assert kept.pop() is None
    # Not even a log line can be written any more, which is no reason not to answer.
    assert {ada.get("/agents").status for _ in range(40)} == {200}
    filler.unlink()
    kept.append(create(ada, 10_000))
    assert ada.becomes(ada.execute(agent), "succeeded")["output"] == "Done."
    assert worker.popen.poll() is None and server.popen.poll() is None
    assert set(kept) <= {name for (name,) in on_small_disk.rows("SELECT name FROM agents_agent")}
    assert on_small_disk.rows("PRAGMA integrity_check") == [("ok",)]


@pytest.mark.parametrize("command", ["migrate", pytest.param("up", marks=pytest.mark.long)])
def test_a_start_on_a_full_disk_is_a_sentence_and_the_next_one_works(on_small_disk: Installation, command: str) -> None:
    shutil.rmtree(on_small_disk.data)
    on_small_disk.data.mkdir()
    filler = fill(on_small_disk.folder)
    os.truncate(filler, filler.stat().st_size - 16_384)  # room for keys, not for a database
    done = on_small_disk.run(command)
    assert done.returncode == STORAGE, done
    assert "full" in done.stderr and "make room" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    filler.unlink()
    assert on_small_disk.run("migrate").returncode == 0
