"""What a plugin is written with has types: two checkers find no mistake in the samples, and every one where there are some."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ..npm_packages import installed
from .conftest import environment

pytestmark = pytest.mark.long

HERE = Path(__file__).parent
TESTS = HERE.parent
#: Plugins that use, between them, all that one can be made of: a collection over records, jobs, listeners, tools, a provider of engines, a
#: meter, a grader, a connector, nodes of workflows, and a kind of executions.
SAMPLES = (
    TESTS / "sample" / "aasim_bookmarks",
    TESTS / "test_plugins" / "dropins" / "lab",
    TESTS / "workflows" / "dropins" / "parcels",
    TESTS / "executions" / "dropins" / "chores",
)
#: A mistake, as (file, line).
Mistake = tuple[str, int]


def mypy(authors: Path, folder: Path) -> set[Mistake]:
    """What mypy finds in the folder; AssertionError if it does not come to its end."""
    (folder / "mypy.ini").write_text("[mypy]\nstrict = true\nexclude = /migrations/\n")
    said = checked(authors, "-m", "mypy", ".", cwd=folder)
    return {(name, int(line)) for name, line in re.findall(r"^(.+?):(\d+): error:", said, flags=re.MULTILINE)}


def pyright(authors: Path, folder: Path) -> set[Mistake]:
    """What pyright finds in the folder."""
    (folder / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict", "exclude": ["**/migrations"]}')
    program = installed(HERE / "checkers") / ".bin" / "pyright"
    said = json.loads(checked(program, "--pythonpath", authors, "--outputjson", cwd=folder))
    assert said["summary"]["filesAnalyzed"] > 0
    return {
        (Path(found["file"]).relative_to(folder).as_posix(), found["range"]["start"]["line"] + 1)
        for found in said["generalDiagnostics"]
        if found["severity"] == "error"
    }


def checked(*command: str | Path, cwd: Path) -> str:
    """What a checker says: it ends with 1 where it found something, and with more where it could not look."""
    done = subprocess.run(command, cwd=cwd, env=environment(), capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout


CHECKERS = pytest.mark.parametrize("found_by", [mypy, pyright], ids=lambda checker: checker.__name__)


@CHECKERS
def test_the_samples_have_no_mistake(authors: Path, tmp_path: Path, found_by: Callable[[Path, Path], set[Mistake]]) -> None:
    for sample in SAMPLES:
        shutil.copytree(sample, tmp_path / sample.name, ignore=shutil.ignore_patterns("__pycache__"))
    assert found_by(authors, tmp_path) == set()


@CHECKERS
def test_a_mistake_is_found_on_its_line(authors: Path, tmp_path: Path, found_by: Callable[[Path, Path], set[Mistake]]) -> None:
    shutil.copy(HERE / "mistaken.py", tmp_path)
    lines = (tmp_path / "mistaken.py").read_text().splitlines()
    expected = {("mistaken.py", number) for number, line in enumerate(lines, 1) if line.endswith("# mistake")}
    assert found_by(authors, tmp_path) == expected
