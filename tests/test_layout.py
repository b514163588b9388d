"""The layout: folders, the lists in setup.cfg and the installed metadata say the same; a folder that one forgets still builds."""

import re
import subprocess
import sys
from configparser import ConfigParser
from importlib import import_module, metadata
from pathlib import Path

import pytest

IMPORTED_AS = {"aasim_core": "aasim_core", "plugins": "aasim_plugins"}


@pytest.fixture(scope="module")
def setup_cfg(root: Path) -> ConfigParser:
    parser = ConfigParser()
    parser.read(root / "setup.cfg", encoding="utf-8")
    return parser


def lines_of(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines() if line.strip()]


def packages_on_disk(root: Path) -> set[str]:
    """Every folder with Python files under the two top folders, by its import name."""
    found = set()
    for folder, name in IMPORTED_AS.items():
        for path in (root / folder).rglob("*.py"):
            inside = path.parent.relative_to(root / folder).parts
            found.add(".".join((name, *inside)))
    return found


def plugins_on_disk(root: Path) -> set[str]:
    return {path.parent.name for path in (root / "plugins").glob("*/__init__.py")}


def test_setup_cfg_lists_every_package_once_and_sorted(root: Path, setup_cfg: ConfigParser) -> None:
    listed = lines_of(setup_cfg["options"]["packages"])
    assert listed == sorted(set(listed))
    assert set(listed) == packages_on_disk(root), "setup.cfg [options] packages and the folders differ"


def test_every_package_has_a_docstring(root: Path) -> None:
    for folder in IMPORTED_AS:
        for path in (root / folder).rglob("__init__.py"):
            assert path.read_text(encoding="utf-8").startswith('"""'), f"{path} needs a docstring: one sentence, what it is for"


def test_the_pages_of_plugins_name_files_that_there_are(root: Path) -> None:
    gone = [
        f"{page.relative_to(root)} names {name}"
        for page in (root / "plugins").glob("*/README.md")
        for name in re.findall(r"`([\w/]+\.py)`", page.read_text(encoding="utf-8"))
        if not (page.parent / name).exists() and not (root / name).exists()
    ]
    assert gone == []


def test_every_plugin_has_an_entry_point_of_its_own_name(root: Path, setup_cfg: ConfigParser) -> None:
    listed = lines_of(setup_cfg["options.entry_points"]["aasim.plugins"])
    assert listed == [f"{name} = aasim_plugins.{name}" for name in sorted(plugins_on_disk(root))]


def test_the_installed_metadata_is_that_of_this_checkout(root: Path, setup_cfg: ConfigParser) -> None:
    installed = {point.name: point.value for point in metadata.entry_points(group="aasim.plugins") if _is_ours(point)}
    assert installed == {name: f"aasim_plugins.{name}" for name in plugins_on_disk(root)}, "install again: bin/test does it"
    assert Path(str(import_module("aasim_core").__file__)).is_relative_to(root)


def test_pyproject_holds_the_build_system_only(root: Path) -> None:
    sections = [line for line in (root / "pyproject.toml").read_text().splitlines() if line.startswith("[")]
    assert sections == ["[build-system]"]


def test_the_bundled_plugins_are_imported_under_one_name_only(root: Path) -> None:
    done = subprocess.run([sys.executable, "-c", "import plugins"], cwd=root, capture_output=True, text=True, check=False)
    assert "the folder plugins/ was imported as 'plugins'; write: from aasim_plugins import …" in done.stderr


LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-docs.lock")


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_holds_exact_versions_and_no_address(root: Path, name: str) -> None:
    lines = [line for line in (root / name).read_text().splitlines() if not line.startswith("#")]
    names = [line.partition("==")[0] for line in lines]
    assert names == sorted(set(names), key=str.lower)
    assert all(len(line.split("==")) == 2 and "/" not in line for line in lines)


def test_the_locks_cover_what_setup_cfg_asks_for(root: Path, setup_cfg: ConfigParser) -> None:
    extras = setup_cfg["options.extras_require"]
    wanted = "\n".join(
        [setup_cfg["options"]["install_requires"], *(extras[name] for name in ("postgres", "redis", "dev", "docs"))]
    )
    text = "".join((root / name).read_text() for name in LOCKS)
    locked = {line.partition("==")[0].lower().replace("_", "-") for line in text.splitlines()}
    assert {_name_of(line) for line in lines_of(wanted)} <= locked


def test_the_locks_agree(root: Path) -> None:
    versions: dict[str, set[str]] = {}
    for line in (line for name in LOCKS for line in (root / name).read_text().splitlines() if not line.startswith("#")):
        name, _, version = line.partition("==")
        versions.setdefault(name.lower(), set()).add(version)
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}


def _name_of(requirement: str) -> str:
    return requirement.partition(">=")[0].partition("==")[0].partition("[")[0].lower()


def _is_ours(point: metadata.EntryPoint) -> bool:
    return point.dist is not None and point.dist.name == "aasim"
