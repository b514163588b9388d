"""The containers of one machine: what compose.yaml starts has few rights, waits for what it needs, and fits the page about it."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from aasim_core.cli import cli
from aasim_core.settings import Settings

OURS = ("migrate", "api", "worker")


@pytest.fixture(scope="module")
def compose(root: Path) -> Mapping[str, Any]:
    """The file as podman-compose reads it."""
    program = shutil.which("podman-compose")
    if program is None:
        reason = "podman-compose is not installed (Debian: apt install podman-compose)"
        pytest.fail(f"{reason}, and in CI nothing may be left out") if os.environ.get("CI") else pytest.skip(reason)
    command = [program, "--file", str(root / "compose.yaml"), "config"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    read: Mapping[str, Any] = yaml.safe_load(done.stdout)
    return read


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    """The page about containers."""
    return (root / "docs" / "operate" / "containers.md").read_text()


def test_each_container_has_a_plain_user_and_a_file_system_that_it_only_reads(compose: Mapping[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"]), name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", service["user"]), name


def test_our_containers_have_the_user_that_the_image_makes(compose: Mapping[str, Any], root: Path) -> None:
    [uid] = re.findall(r"--uid (\d+)", (root / "Containerfile").read_text())
    assert {compose["services"][name]["user"] for name in OURS} == {f"{uid}:{uid}"}


def test_what_is_asked_for_its_health_is_waited_for(compose: Mapping[str, Any]) -> None:
    services = compose["services"]
    needs = {
        name: {other: how["condition"] for other, how in service.get("depends_on", {}).items()}
        for name, service in services.items()
    }
    migrated = {"migrate": "service_completed_successfully", "redis": "service_healthy"}
    assert needs["migrate"] == {"database": "service_healthy"}
    assert needs["api"] == needs["worker"] == migrated
    assert needs["nginx"]["api"] == "service_healthy"
    assert {name for name, service in services.items() if "healthcheck" in service} == {"api", "nginx", "database", "redis"}


def test_the_page_makes_each_file_of_a_secret_for_those_who_read_it(compose: Mapping[str, Any], page: str) -> None:
    services = compose["services"].values()
    users = [(service["user"].partition(":")[0], service.get("secrets", ())) for service in services]
    made = {file: user for user, file in re.findall(r"^# install -m 400 -o (\d+) /dev/null (secrets/\S+)", page, re.MULTILINE)}
    read = {compose["secrets"][name]["file"].removeprefix("./"): user for user, names in users for name in names}
    assert {file: user for file, user in read.items() if file != "secrets/keys.json"} == made


def test_no_secret_stands_in_the_environment(compose: Mapping[str, Any]) -> None:
    given = {name: value for service in compose["services"].values() for name, value in service.get("environment", {}).items()}
    assert [name for name in given if re.search("PASSWORD|SECRET|DATABASE_URL", name) and not name.endswith("_FILE")] == []


def test_our_containers_run_commands_that_exist_with_valid_settings(
    compose: Mapping[str, Any], root: Path, tmp_path: Path
) -> None:
    (tmp_path / "url").write_text("postgresql://aasim_owner:a-long-one@database/aasim")
    for name in OURS:
        service = compose["services"][name]
        told = CliRunner().invoke(cli, [*service["command"], "--help"])
        assert told.exit_code == 0, told.output
        given = {**service["environment"], "AASIM_CONFIG": str(root / "config" / "production.toml")}
        settings = Settings.load(environ={**given, "AASIM_DATABASE_URL_FILE": str(tmp_path / "url")})
        assert (settings.database.app_role, settings.server.bind) == ("aasim_app", "127.0.0.1:8000")
        assert settings.queue.url == "redis://redis:6379/0"
        seconds = int(service["stop_grace_period"].removesuffix("s"))
        assert seconds > settings.server.drain_seconds + settings.server.graceful_timeout_seconds
        assert seconds > settings.worker.grace_seconds


def test_every_file_that_is_mounted_is_there(compose: Mapping[str, Any], root: Path) -> None:
    mounted = {str(volume).partition(":")[0] for service in compose["services"].values() for volume in service.get("volumes", ())}
    files = {path for path in mounted if path.startswith("./") and not path.startswith("./secrets")}
    assert files == {"./config/production.toml", "./config/nginx.conf", "./config/roles.sql"}
    assert all((root / path).is_file() for path in files)


def test_the_roles_are_made_as_the_page_about_databases_says(root: Path) -> None:
    def statements(text: str) -> list[str]:
        found = re.findall(r"^(?:CREATE|GRANT) .*;$", text, re.MULTILINE)
        return [re.sub(r"PASSWORD \S+;", "PASSWORD …;", line) for line in found]

    told = (root / "docs" / "operate" / "database.md").read_text()
    assert statements((root / "config" / "roles.sql").read_text()) == statements(told.partition("```sql")[2].partition("```")[0])
