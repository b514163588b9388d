"""``aasim plugins``: list, describe, check, enable, disable, create and purge plugins."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from ..bootstrap import examine_plugins
from ..collecting.table_rules import table_flaws
from ..errors import InvalidArgument, StartupError
from ..plugins import Plugins
from ..plugins import purge as remove
from ..plugins.registry import Found, ask, sentence
from ..text.suggestions import did_you_mean
from .authoring import makemigration, new

if TYPE_CHECKING:
    from ..app import App
    from ..data.migrator.runner import Source
    from ..plugins.declarations import Declarations
    from ..settings import Settings

_STYLES = {"on": "green", "off": "dim", "broken": "bold red", "blocked": "yellow", "missing": "bold red"}
#: What an author calls where nothing is installed yet: it needs no data folder and no keys.
_WITHOUT_INSTALLATION = frozenset(("new",))


@click.group("plugins", invoke_without_command=True, commands=[new, makemigration])
@click.pass_context
def group(context: click.Context) -> None:
    """The plugins of this installation; without a subcommand, list them."""
    is_help = context.obj is None  # which works with broken settings too
    if not is_help and context.invoked_subcommand not in _WITHOUT_INSTALLATION:
        from ..process.installation import prepare

        prepare(context.obj)
    if context.invoked_subcommand is None:
        context.invoke(list_plugins)


@group.command("list")
@click.option("--provides", is_flag=True, help="Also show what each plugin that is on provides.")
@click.pass_obj
def list_plugins(settings: "Settings", provides: bool = False) -> None:
    """Show every plugin that was found: its state, version, grade, origin and requirements, and why it is not on."""
    app = _tolerant_app(settings) if provides else _app_as_started(settings)
    _print_table(app.plugins if app else examine_plugins(settings), app)
    if app and provides:
        for plugin in app.plugins.found:
            _print_provides(plugin, app.declared.get(plugin.name))


@group.command("describe")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="As GET /plugins/{name} answers, but for the organization's status.")
@click.pass_obj
def describe(settings: "Settings", name: str, as_json: bool) -> None:
    """Show all that is known of a plugin: its manifest, and its permissions, settings, events, jobs, hooks and parts."""
    from .plugin_pages import print_plugin

    app = _tolerant_app(settings)
    print_plugin(app, found_in(app.plugins, name), as_json=as_json)


@group.command("grade")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="With each rule that is missed, the place, and what to write.")
@click.pass_obj
def grade(settings: "Settings", name: str | None, as_json: bool) -> None:
    """Show the grade of each plugin that is on, or of one, with the rules that it misses and what to write instead."""
    from .plugin_grades import print_grades

    app = _tolerant_app(settings)
    print_grades(app, found_in(app.plugins, name) if name else None, as_json=as_json)


@group.command("check")
@click.pass_obj
def check(settings: "Settings") -> None:
    """Load every plugin that is to be on, and report all that is wrong; exits with 78 if anything is."""
    problems = examine_plugins(settings).problems or _flaws_of(_tolerant_app(settings))
    if problems:
        raise StartupError(*problems)
    click.echo("Nothing is wrong with the plugins.")


@group.command("enable")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.pass_obj
def enable(settings: "Settings", names: tuple[str, ...]) -> None:
    """Turn plugins on, in the settings file."""
    _switch(settings, names, on=True)


@group.command("disable")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.pass_obj
def disable(settings: "Settings", names: tuple[str, ...]) -> None:
    """Turn plugins off, in the settings file; their data stays."""
    _switch(settings, names, on=False)


@group.command("purge")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def purge(settings: "Settings", name: str, yes: bool) -> None:
    """Remove the tables of a plugin that is off, with everything in them, and what it keeps elsewhere, for good."""
    from ..data.backends.connect import connect
    from ..plugins.purging import purgeable, refuse_while_running

    plugins, section = examine_plugins(settings), settings.database
    purgeable(plugins, name)
    database = connect(section.migration_url or section.url)
    refuse_while_running(database, name)
    if not yes:
        click.confirm(
            f"Everything that {name} has stored will be gone, and only a backup could bring it back. Remove it?", abort=True
        )
    _purge_elsewhere(settings, name)
    undone = remove(plugins, database, name)
    click.echo(f"Removed: {', '.join(undone)}." if undone else f"{name} has nothing in the database.")


def _purge_elsewhere(settings: "Settings", name: str) -> None:
    """Ask the plugin's hook `purge`, if it has one, in an app in which it is on."""
    from ..bootstrap import build_app
    from ..context import system_scope
    from ..plugins.loading.discovery import discover

    chosen = settings.plugins
    if "purge" not in discover(chosen.folder)[name].hooks:
        return
    disabled = tuple(other for other in chosen.disabled if other != name)
    app = build_app(replace(settings, plugins=replace(chosen, enabled=(*chosen.enabled, name), disabled=disabled)))
    with app.database.connected(), system_scope("purge a plugin"):
        ask(app.plugins.manager, app.plugins.on, next(one for one in app.plugins.on if one.name == name), "purge", app=app)
    app.database.close_all()


@group.command("events")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="As aasim events writes them, with the JSON Schema of their data.")
@click.pass_obj
def list_events(settings: "Settings", name: str | None, as_json: bool) -> None:
    """Show what can happen, or what of one plugin: each event with its version, its subjects and the fields of its data."""
    from ..catalog.event_types import all_described
    from .documents import write_json
    from .plugin_pages import print_events

    app = _tolerant_app(settings)
    told = all_described(app.events, found_in(app.plugins, name).name if name else None)
    (write_json if as_json else print_events)(told)


def found_in(plugins: Plugins, name: str) -> Found:
    """The plugin of that name, on or not; InvalidArgument for one that was not found."""
    plugin = plugins.find(name.replace("-", "_"))
    if plugin is None:
        near = did_you_mean(name, [each.name for each in plugins.found])
        raise InvalidArgument(f'There is no plugin "{name}"; aasim plugins list shows those that there are.{near}')
    return plugin


def _switch(settings: "Settings", names: tuple[str, ...], *, on: bool) -> None:
    from .switching import switch

    state = "on" if on else "off"
    if switch(settings, names, on=on):
        click.echo(f"{', '.join(names)}: {state} from the next start (written to {settings.config_file}).")
    else:
        click.echo(f"{', '.join(names)}: {state} already.")


def _app_as_started(settings: "Settings") -> "App | None":
    """The app as a start makes it, for what plugins declare counts too; None where a start does not get as far."""
    if examine_plugins(settings).problems:
        return None
    try:
        return _tolerant_app(settings)
    except StartupError:  # something else is missing, such as the key file; that is no plugin's fault
        return None


def _tolerant_app(settings: "Settings") -> "App":
    from ..bootstrap import build_app

    return build_app(replace(settings, plugins=replace(settings.plugins, on_error="skip")))


def _flaws_of(app: "App") -> tuple[str, ...]:
    """What is wrong with the plugins of the app as they declare themselves, where their migrations make other tables, and unknown names."""
    from ..catalog.unknown_names import unknown_names
    from ..data.migrator.phases import BEFORE_START
    from ..data.migrator.runner import narrowed

    first_half = narrowed(app.migration_sources, BEFORE_START)
    flaws = _table_flaws(app, first_half, midway=True, half=" of the first half") | _table_flaws(app, app.migration_sources)
    names = [
        sentence(plugin.name, flaw) for plugin in app.plugins.on if not plugin.bundled for flaw in unknown_names(app, plugin.name)
    ]
    return (*app.plugins.problems, *(sentence(name, flaw) for name, flaw in flaws.items()), *names)


def _table_flaws(app: "App", sources: "Sequence[Source]", **which: Any) -> dict[str, str]:
    from ..data.migrator.runner import columns_made_by

    made = columns_made_by(sources)
    names = [plugin.name for plugin in app.plugins.on]
    return table_flaws(app.plugins, names, app.models, lambda table: made.get(table, {}), **which)


def _print_table(plugins: Plugins, app: "App | None") -> None:
    from rich.text import Text

    from ..catalog.grades.grading import GRADES_OF
    from ..terminal.output import print_table

    grades = app.stash.of(GRADES_OF).by_name() if app else {}
    rows = [
        (
            plugin.name,
            Text(plugin.state, _STYLES[plugin.state]),
            plugin.version,
            grades.get(plugin.name) or "",
            Text(plugin.origin),
            ", ".join(plugin.requires),
            Text(f"It {plugin.reason}" if plugin.reason else plugin.title),
        )
        for plugin in plugins.found
    ]
    print_table(("plugin", "state", "version", "grade", "origin", "requires", "what it is, or why it is not on"), rows)
    for problem in plugins.problems:
        click.secho(problem, fg="red")


def _print_provides(plugin: Found, declared: "Declarations | None") -> None:
    from ..catalog.parts import parts_of

    names = {
        kind: list(getattr(plugin.provides, kind))
        for kind in ("permissions", "events", "error_codes", "jobs", "routes", "tables", "settings")
    }
    for part in parts_of(declared) if declared else ():
        names.setdefault(part.kind, []).append(part.name)
    for kind, found in names.items():
        if found:
            click.echo(f"{plugin.name} {kind}: {', '.join(found)}")
