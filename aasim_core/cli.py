"""The command line: `aasim COMMAND`. Each command's module is imported when it is called, so that help is fast."""

import os
import sys
import threading
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import click

from .commands.options import flags_of, load_settings, setting_option
from .version import VERSION

if TYPE_CHECKING:
    from .settings import Settings


class Place(NamedTuple):
    """Where a command is defined: its module, its name there, its line in the help, and whether it needs an existing data folder and
    keys. One that `diagnoses` reads the settings itself, since it reports what is wrong with them.
    """

    module: str
    name: str
    help: str
    prepared: bool = False
    diagnoses: bool = False


COMMANDS: Mapping[str, Place] = MappingProxyType(
    {
        "up": Place(
            "aasim_core.commands.processes", "up", "Prepare everything that is missing, then run API and worker together."
        ),
        "serve": Place("aasim_core.commands.processes", "serve", "Answer the API."),
        "worker": Place("aasim_core.commands.processes", "worker", "Run the background worker."),
        "migrate": Place("aasim_core.commands.data", "migrate", "Bring the database up to date."),
        "backup": Place("aasim_core.commands.data", "backup", "Copy the database and the keys into one file."),
        "restore": Place("aasim_core.commands.data", "restore", "Restore a backup into an empty data folder and database."),
        "hold": Place("aasim_core.commands.data", "hold", "Let no job run and nothing leave.", True),
        "resume": Place("aasim_core.commands.data", "resume", "End that, or the hold of a restored database.", True),
        "doctor": Place("aasim_core.commands.doctor", "doctor", "Check the installation, and say what to do.", diagnoses=True),
        "admin": Place("aasim_core.commands.admin", "admin", "Administrators of the platform."),
        "config": Place("aasim_core.commands.config", "config", "The settings: check, show, template."),
        "secrets": Place("aasim_core.commands.secrets", "secrets", "The keys: list, create, rotate, remove."),
        "plugins": Place(
            "aasim_core.commands.plugins",
            "group",
            "Plugins: list, describe, events, new, makemigration, grade, check, enable, disable, purge.",
        ),
        "jobs": Place("aasim_core.commands.jobs", "group", "Background jobs: list, retry, discard.", True),
        "workers": Place("aasim_core.commands.processes", "workers", "Workers: list those that run.", True),
        "openapi": Place("aasim_core.commands.documents", "openapi", "Write the OpenAPI document."),
        "events": Place("aasim_core.commands.documents", "events", "Write the types of events with their schemas."),
    }
)


class Commands(click.Group):
    """The core's commands, and those of plugins under the plugin's name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the core's commands; a plugin's need the plugins to be loaded, which help does not wait for."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command from its module."""
        place = COMMANDS.get(cmd_name)
        if place is None:
            return _plugin_commands(ctx, cmd_name)
        command: click.Command = getattr(import_module(place.module), place.name)
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; its help works with broken settings too."""
        ctx.meta["aasim.help"] = "--help" in args
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Call the command; report where an option of this group belongs if it follows the command."""
        try:
            return super().invoke(ctx)
        except click.NoSuchOption as error:
            if error.ctx is None or error.option_name not in {option for parameter in self.params for option in parameter.opts}:
                raise
            command = error.ctx.command_path.removeprefix(f"{ctx.command_path} ")
            advice = f"Write it before the command: {ctx.command_path} {error.option_name} … {command}"
            raise click.NoSuchOption(error.option_name, f"{error.message} {advice}", ctx=error.ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, place.help) for name, place in COMMANDS.items()])


def _remember_pairs(ctx: click.Context, parameter: click.Parameter, pairs: tuple[str, ...]) -> None:
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator:
            raise click.BadParameter(f"{pair!r} has no value; write --set server.workers=4", ctx, parameter)
        flags_of(ctx)[name] = value


@click.group(cls=Commands, epilog="A plugin's own commands stand under its name: aasim PLUGIN --help.")
@click.version_option(VERSION, prog_name="aasim")
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="The settings file (AASIM_CONFIG).")
@setting_option("data_dir", "--data", metavar="DIR", help="The data folder (AASIM_DATA_DIR, ./var).")
@click.option(
    "--set", multiple=True, metavar="SECTION.KEY=VALUE", help="Any setting.", callback=_remember_pairs, expose_value=False
)
@click.pass_context
def cli(ctx: click.Context, config: Path | None) -> None:
    """Aasim, a self-hosted platform for AI agents."""
    place = COMMANDS.get(ctx.invoked_subcommand or "")
    if ctx.meta["aasim.help"] or (place and place.diagnoses):
        return
    from .logs import configuration as logs

    ctx.obj = load_settings(ctx)
    logs.configure(logs.subdued(ctx.obj.log))
    if place and place.prepared:
        from .process.installation import prepare

        prepare(ctx.obj)


def main() -> None:
    """Run the command line; failures become sentences and exit codes. The files it writes are private to its user."""
    os.umask(0o077)
    try:
        cli.main(prog_name="aasim")
    except SystemExit as ended:
        _exit(ended.code)
    except Exception as error:  # noqa: BLE001 - the one place where every failure ends
        from .terminal.exit_codes import report

        _exit(report(error))


def _exit(code: int | str | None) -> NoReturn:
    """Exit, also where a plugin has begun a thread that never ends."""
    if threading.active_count() > 1:
        from .process.ending import leave_threads

        leave_threads(code if isinstance(code, int) else int(code is not None))
    sys.exit(code)


def _plugin_commands(ctx: click.Context, name: str) -> click.Command | None:
    from .bootstrap import examine_plugins
    from .text.suggestions import did_you_mean

    settings, plugin = load_settings(ctx), name.replace("-", "_")
    plugins = examine_plugins(settings)
    found = plugins.find(plugin)
    if found is None:
        names = [*COMMANDS, *(plugin.name for plugin in plugins.on)]
        ctx.fail(f'There is no command and no plugin "{name}".{did_you_mean(plugin, names)}')
    if found.state != "on":
        ctx.fail(f'The plugin "{plugin}" is {found.state}, so its commands are not there; see: aasim plugins')
    commands = _commands_of(settings, plugin)
    if not commands:
        ctx.fail(f'The plugin "{plugin}" has no commands.')
    return click.Group(name, commands=commands, help=found.title)


def _commands_of(settings: "Settings", plugin: str) -> dict[str, click.Command]:
    from .process.installation import open_app

    app = open_app(settings)
    answers = app.plugins.each("commands", app=app)
    return {str(command.name): command for owner, answer in answers if owner == plugin for command in answer}
