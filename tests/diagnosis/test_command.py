"""``aasim doctor``: the words for people, the document for programs, and the exit code."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from aasim_core.cli import cli

pytestmark = pytest.mark.usefixtures("command_logs")


def doctor(folder: Path, *arguments: str) -> Result:
    """Run the command on a data folder."""
    return CliRunner().invoke(cli, ["--data", str(folder), *arguments])


def test_what_is_wrong_is_said_in_a_line_each_and_exits_with_1(tmp_path: Path) -> None:
    done = doctor(tmp_path / "nowhere", "doctor")
    assert done.exit_code == 1
    lines = done.output.splitlines()
    assert "✓ settings: ok" in lines
    assert f"✗ data_folder: there is no data folder {tmp_path / 'nowhere'}; " in done.output
    assert "– connection: not checked, since it needs data_folder" in lines
    assert lines[-1].endswith(" unchecked.")


def test_broken_settings_are_found_like_everything_else(tmp_path: Path) -> None:
    done = doctor(tmp_path, "--set", "server.bnd=1", "doctor", "--json")
    found = {one["name"]: one for one in json.loads(done.stdout)["checks"]}
    assert (done.exit_code, found["settings"]["state"]) == (1, "wrong")
    assert 'did you mean "bind"?' in found["settings"]["problems"][0]


@pytest.mark.long
def test_warnings_alone_exit_with_0(tmp_path: Path) -> None:
    assert doctor(tmp_path / "data", "migrate").exit_code == 0
    done = doctor(tmp_path / "data", "doctor", "--json")
    document = json.loads(done.stdout)
    states = {one["name"]: one["state"] for one in document["checks"]}
    assert (done.exit_code, document["ok"], states["workers"], states["writes"]) == (0, True, "warning", "ok")
