"""A restored installation does nothing until its operator says so."""

from pathlib import Path

import pytest

from ...bench.processes import eventually
from ..conftest import Install

pytestmark = pytest.mark.long


def test_the_processes_of_a_restored_installation_do_no_job_until_it_resumes(install: Install, tmp_path: Path) -> None:
    here = install()
    here.serve()
    here.visitor.register()
    assert here.run("backup", str(tmp_path / "copy")).returncode == 0
    here.close()
    there = install(empty=True)
    assert "It is held" in there.run("restore", str(tmp_path / "copy")).stdout
    queued = "SELECT count(*) FROM core_job WHERE state = 'queued'"
    [(before,)] = there.rows(queued)
    assert before > 0
    worker = there.start("worker")
    worker.says("the installation is held")
    worker.says("the worker is ready")
    assert there.rows(queued) == [(before,)]
    assert "held since" in there.run("doctor").stdout
    assert "Resumed." in there.run("resume", "--yes").stdout
    eventually(lambda: there.rows(f"{queued} AND NOT delayed") == [(0,)], "that the jobs are done")
