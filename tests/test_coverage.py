"""Every line of the parts that all others stand on is reached by the tests of its own folder, and every branch of a kernel by playbooks."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

#: The folders of code, and of their tests.
OWN_TESTS = {
    "aasim_core/access": "tests/access",
    "aasim_core/data": "tests/data",
    "aasim_core/events/chain": "tests/events",
    "plugins/executions/kernel": "tests/executions/kernel",
}
#: The kernels, and the folders of their playbooks.
PLAYBOOKS = {"plugins/executions/kernel": "tests/executions/kernel", "plugins/workflows/kernel": "tests/workflows/kernel"}
#: What forked children and other processes reach counts, too.
SETTINGS = """
[run]
source = {code}
data_file = {folder}/data
parallel = true
patch = subprocess, fork, _exit
"""


Coverage = Callable[..., None]


@pytest.fixture
def coverage(root: Path, tmp_path: Path) -> Coverage:
    """Runs a command of coverage, which must not fail; its settings are the file ``settings``."""

    def run(command: str, *arguments: str) -> None:
        line = [sys.executable, "-m", "coverage", command, f"--rcfile={tmp_path / 'settings'}", *arguments]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        done = subprocess.run(line, cwd=root, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    return run


@pytest.mark.long
@pytest.mark.postgres
@pytest.mark.skipif(os.environ.get("COVERAGE") != "own", reason="COVERAGE=own bin/test -m long tests/test_coverage.py runs it")
@pytest.mark.parametrize(("code", "tests"), OWN_TESTS.items(), ids=OWN_TESTS)
def test_every_line_is_reached_by_the_tests_of_its_own_folder(
    code: str, tests: str, root: Path, tmp_path: Path, coverage: Coverage
) -> None:
    (tmp_path / "settings").write_text(SETTINGS.format(code=code, folder=tmp_path))
    coverage("run", "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", "-m", "long or not long", tests)
    coverage("combine")
    coverage("json", "-o", str(tmp_path / "report"))
    files = json.loads((tmp_path / "report").read_text())["files"]
    assert len(files) == len(list((root / code).rglob("*.py")))
    assert [f"{name}:{line}" for name, found in files.items() for line in found["missing_lines"]] == []


@pytest.mark.long
@pytest.mark.parametrize(("code", "tests"), PLAYBOOKS.items(), ids=PLAYBOOKS)
def test_playbooks_take_every_branch_of_a_kernel(code: str, tests: str, root: Path, tmp_path: Path, coverage: Coverage) -> None:
    (tmp_path / "settings").write_text(f"[run]\nsource = {code}\ndata_file = {tmp_path}/data\nbranch = true\n")
    playbooks = [str(path) for path in (root / tests).glob("test_*.py") if path.name != "test_simulator.py"]
    coverage("run", "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", "-m", "long or not long", *playbooks)
    coverage("json", "-o", str(tmp_path / "report"))
    files = json.loads((tmp_path / "report").read_text())["files"]
    assert len(files) == len(list((root / code).glob("*.py")))
    found = {name: (each["missing_lines"], each["missing_branches"]) for name, each in files.items()}
    assert {name: missing for name, missing in found.items() if missing != ([], [])} == {}
