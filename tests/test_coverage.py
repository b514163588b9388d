"""Every line of the parts that all others stand on is reached by the tests of its own folder."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

#: The folders of code, and of their tests.
OWN_TESTS = {
    "aasim_core/access": "tests/access",
    "aasim_core/data": "tests/data",
    "aasim_core/events/chain": "tests/events",
    "plugins/executions/kernel": "tests/executions/kernel",
}
#: What forked children and other processes reach counts, too.
SETTINGS = """
[run]
source = {code}
data_file = {folder}/data
parallel = true
patch = subprocess, fork, _exit
"""


@pytest.mark.long
@pytest.mark.postgres
@pytest.mark.skipif(os.environ.get("COVERAGE") != "own", reason="COVERAGE=own bin/test -m long tests/test_coverage.py runs it")
@pytest.mark.parametrize(("code", "tests"), OWN_TESTS.items(), ids=OWN_TESTS)
def test_every_line_is_reached_by_the_tests_of_its_own_folder(code: str, tests: str, root: Path, tmp_path: Path) -> None:
    (tmp_path / "settings").write_text(SETTINGS.format(code=code, folder=tmp_path))

    def coverage(command: str, *arguments: str) -> None:
        line = [sys.executable, "-m", "coverage", command, f"--rcfile={tmp_path / 'settings'}", *arguments]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        done = subprocess.run(line, cwd=root, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    coverage("run", "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", "-m", "long or not long", tests)
    coverage("combine")
    coverage("json", "-o", str(tmp_path / "report"))
    files = json.loads((tmp_path / "report").read_text())["files"]
    assert len(files) == len(list((root / code).rglob("*.py")))
    assert [f"{name}:{line}" for name, found in files.items() for line in found["missing_lines"]] == []
