"""The units of systemd, their drop-ins, the settings of a server, and the instructions of installing fit together."""

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner

from aasim_core.cli import cli
from aasim_core.settings import Settings

from .pages import Page
from .running import COMMAND

PROGRAM = "/opt/aasim/bin/aasim"
UNITS = ("aasim-api.service", "aasim-worker.service")
DROP_INS = ("mail.conf", "postgresql.conf")


@pytest.fixture(scope="module")
def units(root: Path) -> Path:
    """The folder of the units and drop-ins."""
    return root / "config" / "systemd"


@pytest.fixture(scope="module")
def production(root: Path, units: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The settings of a process under these units, with every drop-in."""
    credentials = tmp_path_factory.mktemp("credentials")
    for line in (line for name in DROP_INS for line in values(units / name, "LoadCredential")):
        (credentials / line.partition(":")[0]).write_text("postgresql://of@the/credential\n")
    given = dict(line.split("=", 1) for name in (*UNITS, *DROP_INS) for line in values(units / name, "Environment"))
    given["AASIM_CONFIG"] = str(root / "config" / "production.toml")
    return Settings.load(environ={name: value.replace("%d", str(credentials)) for name, value in given.items()})


def values(path: Path, name: str) -> Iterator[str]:
    """What a unit says for a name, such as ``Environment``."""
    return (found[1] for found in re.finditer(rf"^{name}=(.*)$", path.read_text(), re.MULTILINE))


def instructions(pages: Mapping[str, Page], name: str) -> str:
    """The commands of a page."""
    return "\n".join(pages[f"docs/operate/{name}.md"].blocks("console"))


def test_every_file_here_is_a_unit_or_a_drop_in(units: Path) -> None:
    assert {path.name for path in units.iterdir()} == {*UNITS, *DROP_INS}


@pytest.mark.parametrize("unit", UNITS)
def test_systemd_takes_each_unit_with_its_drop_ins(units: Path, tmp_path: Path, unit: str) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        reason = "systemd-analyze is not installed (Debian: apt install systemd)"
        pytest.fail(f"{reason}, and in CI nothing may be left out") if os.environ.get("CI") else pytest.skip(reason)
    (tmp_path / unit).write_text((units / unit).read_text().replace(PROGRAM, COMMAND))
    shutil.copytree(units, tmp_path / f"{unit}.d", ignore=shutil.ignore_patterns("*.service"))
    command = [program, "verify", "--man=no", str(tmp_path / unit)]
    verified = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert [line for line in verified.stderr.splitlines() if "aasim" in line or str(tmp_path) in line] == []


@pytest.mark.long
def test_every_command_of_units_and_instructions_exists(units: Path, pages: Mapping[str, Page]) -> None:
    started = [line for unit in UNITS for name in ("ExecStartPre", "ExecStart") for line in values(units / unit, name)]
    typed = re.findall(r"^\$ (aasim .*)$", instructions(pages, "install"), re.MULTILINE)
    for line in (*started, *typed):
        program, *arguments = shlex.split(line, comments=True)
        told = CliRunner().invoke(cli, [*arguments, "--help"])
        assert (program in (PROGRAM, "aasim"), told.exit_code) == (True, 0), f"{line}: {told.output}"
    assert len(started) == 3 and len(typed) > 3


def test_the_instructions_make_each_file_that_the_units_read(units: Path, pages: Mapping[str, Page]) -> None:
    read = {path for name in (*UNITS, *DROP_INS) for path in re.findall(r"/etc/aasim/[\w.]+", (units / name).read_text())}
    made = set(re.findall(r"^# install .* (/etc/aasim/\S+)", instructions(pages, "install"), re.MULTILINE))
    assert read and read <= made


def test_the_instructions_make_the_user_and_the_folders(units: Path, pages: Mapping[str, Page], production: Settings) -> None:
    typed = instructions(pages, "install")
    [user] = {user for unit in UNITS for user in values(units / unit, "User")}
    [folder] = {f"/var/lib/{name}" for unit in UNITS for name in values(units / unit, "StateDirectory")}
    assert str(production.data_dir) == folder
    assert re.search(rf"^# useradd .*--home-dir {folder} {user}$", typed, re.MULTILINE)
    assert re.search(rf"^# install -d -m 700 -o {user} {production.secrets.key_file.parent} {folder}$", typed, re.MULTILINE)


def test_the_instructions_copy_every_unit_and_drop_in(units: Path, pages: Mapping[str, Page]) -> None:
    copied = instructions(pages, "run")
    assert set(re.findall(r"config/systemd/(\w+\.conf)", copied)) == set(DROP_INS)
    assert "config/systemd/*.service /etc/systemd/system/" in copied
    assert all(unit.removesuffix(".service") in copied for unit in UNITS)


def test_the_drop_ins_give_the_settings_that_they_are_for(production: Settings) -> None:
    assert production.database.url == "postgresql://of@the/credential"
    assert production.mail.password == "postgresql://of@the/credential"


def test_systemd_waits_longer_than_a_process_that_stops(units: Path, production: Settings) -> None:
    api, worker = (int(*values(units / unit, "TimeoutStopSec")) for unit in UNITS)
    assert api > production.server.drain_seconds + production.server.graceful_timeout_seconds
    assert worker > production.worker.grace_seconds
