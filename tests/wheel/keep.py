"""Builds the wheels of the sample plugins, with the tests of their authors, into `kept/VERSION`: ``python -m tests.wheel.keep``."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from aasim_core.version import VERSION

HERE = Path(__file__).parent
TESTS = HERE.parent
#: The samples that are no distribution yet, by the name of the plugin.
DROPINS = {
    "lab": TESTS / "test_plugins" / "dropins" / "lab",
    "parcels": TESTS / "workflows" / "dropins" / "parcels",
    "chores": TESTS / "executions" / "dropins" / "chores",
}
PROJECT = """\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "aasim-samples"
version = "1.0.0"
dependencies = ["aasim"]

[project.entry-points."aasim.plugins"]
{entries}

[tool.setuptools]
packages = [{packages}]

[tool.setuptools.package-data]
"*" = ["README.md"]
"""
LAB_TEST = '''\
"""The contract that every plugin keeps, kept by a plugin that brings something for the hooks of others."""

from aasim_core.testing.contract import PluginContract


class TestContract(PluginContract):
    plugin = "lab"
'''


def keep(place: Path) -> None:
    """Build the wheels, and put the tests of their authors beside them."""
    (place / "tests").mkdir(parents=True)
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(TESTS / "sample", Path(folder) / "bookmarks", ignore=shutil.ignore_patterns("__pycache__"))
        write_samples(Path(folder) / "samples")
        for name in ("bookmarks", "samples"):
            build(Path(folder) / name, place)
    shutil.copy(TESTS / "sample" / "tests" / "test_contract.py", place / "tests" / "test_bookmarks.py")
    (place / "tests" / "test_lab.py").write_text(LAB_TEST)


def write_samples(folder: Path) -> None:
    """A distribution of those that are none, each in a package named like one that is installed."""
    for name, source in DROPINS.items():
        shutil.copytree(source, folder / f"aasim_{name}", ignore=shutil.ignore_patterns("__pycache__"))
    entries = "\n".join(f'{name} = "aasim_{name}"' for name in DROPINS)
    packages = ", ".join(f'"aasim_{name}"' for name in DROPINS)
    (folder / "pyproject.toml").write_text(PROJECT.format(entries=entries, packages=packages))


def build(source: Path, place: Path) -> None:
    """Build the wheel of the distribution in `source`."""
    pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", place, source)
    subprocess.run(pip, check=True)


if __name__ == "__main__":
    keep(HERE / "kept" / VERSION)
