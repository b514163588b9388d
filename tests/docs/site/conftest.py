"""The site of the documentation, built once for these tests."""

import subprocess
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def site(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the site, as ``bin/docs --build`` writes it; a warning of the generator fails it."""
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run([root / "bin" / "docs", "--build", folder], capture_output=True, text=True, check=False, timeout=900)
    assert built.returncode == 0, built.stdout + built.stderr
    return folder
