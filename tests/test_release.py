"""What is released: the same bytes each time, whole, with a list of what it needs."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from zipfile import ZipFile

import pytest

pytestmark = pytest.mark.long


def released(root: Path, folder: Path, umask: str) -> Mapping[str, bytes]:
    """What `bin/release` makes of the last commit, by file, called by a user with this umask."""
    command = ["bash", "-c", f'umask {umask}; exec "$0" "$1"', str(root / "bin" / "release"), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=800)
    assert done.returncode == 0, done.stdout + done.stderr
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def folder(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one release."""
    folder = tmp_path_factory.mktemp("release")
    released(root, folder, "077")
    return folder


def test_the_same_commit_gives_the_same_bytes(root: Path, folder: Path, tmp_path: Path) -> None:
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    again = released(root, tmp_path / "again", "002")
    assert sorted(first) == sorted(again)
    assert [name for name in first if first[name] != again[name]] == []
    assert len(first) == 4


def test_the_sums_are_those_of_the_files(folder: Path) -> None:
    subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=folder, check=True, capture_output=True)
    named = {line.split()[1] for line in (folder / "SHA256SUMS").read_text().splitlines()}
    assert named == {path.name for path in folder.iterdir()} - {"SHA256SUMS"}


def test_the_source_distribution_makes_the_same_wheel(folder: Path, tmp_path: Path) -> None:
    [source], [wheel] = folder.glob("*.tar.gz"), folder.glob("*.whl")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(tmp_path)]
    subprocess.run([*build, str(source)], check=True, timeout=600, env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"})
    with ZipFile(wheel) as first, ZipFile(tmp_path / wheel.name) as second:
        assert sorted(first.namelist()) == sorted(second.namelist())
        assert [name for name in first.namelist() if first.read(name) != second.read(name)] == []


def test_the_list_of_what_it_needs_is_the_lock(root: Path, folder: Path) -> None:
    document = json.loads((folder / "aasim.cdx.json").read_text())
    assert document["bomFormat"] == "CycloneDX"
    listed = {f"{component['name']}=={component['version']}" for component in document["components"]}
    assert listed == set(re.findall(r"^\w.*==.*$", (root / "requirements.lock").read_text(), re.MULTILINE))
    assert all(component["purl"].startswith("pkg:pypi/") for component in document["components"])
