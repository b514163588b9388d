"""What a command is given and is not valid ends it with the exit code of the table in docs/operate/run.md."""

import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import pytest

from aasim_core.bootstrap import build_app
from aasim_core.cli import COMMANDS, cli
from aasim_core.testing.apps import settings_in

from ..conftest import NO_MODEL
from ..installation import Installation
from ..refusals import refused

#: Each command with what is not valid there: nobody knows it, it exists already, or it is no address. `taken` is a file.
NOT_VALID = {
    "activities restart": "--yes nowhere",
    "activities verify": "--organization nowhere",
    "admin reset-password": "--email nobody@example.com --generate",
    "backup": "taken",
    "jobs discard": "nowhere",
    "jobs retry": "nowhere",
    "jobs show": "nowhere",
    "marketplace approve": "--version 1 nowhere",
    "marketplace grant": "--reason Gift. nowhere 1",
    "marketplace reject": "--version 1 --notes No. nowhere",
    "marketplace suspend": "--version 1 --notes No. nowhere",
    "organizations export": "ORGANIZATION taken",
    "organizations reactivate": "--reason Paid. nowhere",
    "organizations suspend": "--reason Unpaid. nowhere",
    "plugins describe": "nowhere",
    "plugins disable": "nowhere",
    "plugins enable": "nowhere",
    "plugins events": "nowhere",
    "plugins grade": "nowhere",
    "plugins makemigration": "nowhere",
    "plugins new": "core --folder nowhere",
    "plugins purge": "--yes nowhere",
    "restore": "taken",
    "secrets create": "",
    "secrets forget": "--yes nowhere",
    "secrets remove": "nowhere",
    "subscriptions assign": "ORGANIZATION nowhere",
    "up": "--email nobody",
}


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> Iterator[Installation]:
    """An installation with one organization, and with a file of the name `taken`; what is refused does it no harm."""
    installation = Installation(tmp_path_factory.mktemp("founded"), dict(NO_MODEL))
    shutil.copytree(migrated, installation.data)
    installation.run("admin", "create", "--email", "ada@example.com", "--generate")
    (installation.folder / "taken").touch()
    yield installation
    installation.close()


def code_of(root: Path, meaning: str) -> int:
    """The code of the row of the table whose meaning begins so."""
    [code] = re.findall(rf"^\| (\d+) \| {meaning}", (root / "docs" / "operate" / "run.md").read_text(), re.MULTILINE)
    return int(code)


@pytest.mark.parametrize("command", NOT_VALID)
def test_what_is_not_valid_ends_a_command_as_the_table_says(root: Path, founded: Installation, command: str) -> None:
    [(organization,)] = founded.rows("SELECT id FROM core_organization")
    given = NOT_VALID[command].replace("ORGANIZATION", organization)
    assert refused(founded, *command.split(), *given.split(), code=code_of(root, "what was given is not valid"))


def test_every_command_that_takes_something_is_tried(tmp_path: Path) -> None:
    app = build_app(settings_in(tmp_path, {}))
    ours = {name: cli.get_command(click.Context(cli), name) for name in COMMANDS}
    theirs = {owner: click.Group(commands=list(commands)) for owner, commands in app.plugins.each("commands", app=app)}
    assert set(taking_something({**ours, **theirs})) <= NOT_VALID.keys()


def taking_something(commands: Mapping[str, Any]) -> Iterator[str]:
    """The names of those commands, and of those in their groups, that have an argument."""
    for name, command in commands.items():
        if isinstance(command, click.Group):
            yield from (f"{name} {inner}" for inner in taking_something(command.commands))
        elif any(isinstance(parameter, click.Argument) for parameter in command.params):
            yield name
