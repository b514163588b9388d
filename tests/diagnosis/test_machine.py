"""What lies on the machine: each kind of fault is made, and found by its check."""

import subprocess
import sys
from pathlib import Path

import pytest

from aasim_core.diagnosis.examination import examine
from aasim_core.errors import StartupError
from aasim_core.settings import Settings

from ..faults.disk import small_disk
from .conftest import Make, fetch_model, finding, findings


def test_wrong_settings_are_told_with_what_could_not_be_checked() -> None:
    def load() -> Settings:
        raise StartupError("server.workers is 'many'; write a whole number")

    found = {one.name: one for one in examine(load)}
    assert found["settings"].problems == ("server.workers is 'many'; write a whole number",)
    assert {one.state for name, one in found.items() if name not in ("settings", "open_files")} == {"unchecked"}
    assert found["queue"].problems == ("not checked, since it needs settings",)


def test_a_missing_data_folder(installation: Make) -> None:
    settings = installation(secrets__key_file="{data_dir}/../keys.json")
    settings.data_dir.rmdir()
    state, said = finding(settings, "data_folder")
    assert (state, f"there is no data folder {settings.data_dir}" in said) == ("wrong", True)
    assert not settings.data_dir.exists()


def test_a_data_folder_that_is_a_file(installation: Make) -> None:
    settings = installation(secrets__key_file="{data_dir}/../keys.json")
    settings.data_dir.rmdir()
    settings.data_dir.touch()
    state, said = finding(settings, "data_folder")
    assert (state, "cannot be written" in said) == ("wrong", True)


def test_a_data_folder_that_others_may_look_into(installation: Make) -> None:
    settings = installation()
    settings.data_dir.chmod(0o755)
    assert finding(settings, "data_access") == (
        "warning",
        f"other users of this machine may look into the data folder; run: chmod 700 {settings.data_dir}",
    )


def test_keys_that_others_may_read(installation: Make) -> None:
    settings = installation()
    settings.secrets.key_file.chmod(0o644)
    state, said = finding(settings, "keys")
    assert (state, "run: chmod 600" in said) == ("wrong", True)


def test_lost_keys_and_what_cannot_be_checked_without_them(installation: Make) -> None:
    settings = installation()
    settings.secrets.key_file.unlink()
    found = findings(settings)
    assert (found["keys"].state, "aasim secrets create" in found["keys"].problems[0]) == ("wrong", True)
    assert found["plugins"].problems == ("not checked, since it needs keys",)
    assert found["connection"].state == "ok"


def test_generated_keys_where_other_machines_reach_the_server(installation: Make) -> None:
    settings = installation(server__bind="0.0.0.0:8000", log__level="debug")
    state, said = finding(settings, "exposure")
    assert (state, 'log.level is "debug"' in said) == ("wrong", True)


def test_a_plugin_that_is_not_there(installation: Make) -> None:
    state, said = finding(installation(plugins__enabled=["nowhere"]), "plugins")
    assert (state, "nowhere" in said) == ("wrong", True)


def test_a_plugin_that_was_skipped(installation: Make, tmp_path: Path) -> None:
    broken = tmp_path / "plugins" / "broken"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text(
        'from aasim_core import Plugin\n\nplugin = Plugin(title="Broken", summary="Fails.")\n\nraise RuntimeError("on purpose")\n'
    )
    settings = installation(plugins__folder=str(broken.parent), plugins__enabled=["broken"], plugins__on_error="skip")
    found = findings(settings)
    assert (found["plugins"].state, found["skipped_plugins"].state) == ("ok", "warning")
    assert "on purpose" in found["skipped_plugins"].problems[0]


@pytest.mark.long
def test_too_few_open_files(tmp_path: Path) -> None:
    command = f"ulimit -n 512; exec {sys.executable} -P -m aasim_core doctor"
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    assert "! open_files: a process may open 512 files" in done.stdout


def test_a_disk_without_room(installation: Make, tmp_path: Path) -> None:
    with small_disk(tmp_path / "data", 50) as disk:
        disk.chmod(0o700)
        state, said = finding(installation(), "disk")
    assert (state, "nearly full" in said) == ("warning", True)


def test_what_a_plugin_checks(installation: Make) -> None:
    settings = installation()
    model = fetch_model(settings)
    assert finding(settings, "engine_local") == ("ok", "")
    model.unlink()
    assert finding(settings, "engine_local") == ("warning", f"there is no {model}")
