"""The command ``aasim plugins``, with a settings file and plugins of its own."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from aasim_core.commands.plugins import group
from aasim_core.settings import Settings


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """An empty settings file."""
    path = tmp_path / "aasim.toml"
    path.write_text("# mine\n")
    return path


def run(site: Any, file: Path, *arguments: str, **answers: Any) -> Result:
    """Call the command with the settings in the file."""
    from aasim_core.process.installation import prepare

    flags = {"data_dir": str(site.path / "var")}
    if site.dropins.is_dir():
        flags["plugins.folder"] = str(site.dropins)
    settings = Settings.load(flags, config=file)
    prepare(settings)
    return CliRunner().invoke(group, arguments, obj=settings, **answers)
