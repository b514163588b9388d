"""``aasim config``: check the settings, show them, write the file that explains them."""

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import click

from ..settings.sections import CORE_SECTIONS

if TYPE_CHECKING:
    from ..settings import Settings


@click.group()
def config() -> None:
    """The settings of this installation."""


@config.command()
@click.pass_obj
def check(settings: "Settings") -> None:
    """Read everything, plugins' sections too, and name every fault with what to write; exits with 78 if there is one."""
    from ..process.installation import open_app, refuse_exposure

    open_app(settings)
    refuse_exposure(settings)
    click.echo("The settings are valid.")


@config.command()
@click.pass_obj
def show(settings: "Settings") -> None:
    """Show the settings as they are in force; secrets are masked."""
    from ..settings.rendering import literal

    click.echo(f"data_dir = {literal(settings.data_dir)}")
    for name, section in _sections(settings).items():
        click.echo(f"\n[{name}]")
        for field in fields(section):
            value = getattr(section, field.name)
            click.echo(f"{field.name} = {literal(_masked(value) if field.metadata['secret'] else value)}")


@config.command()
@click.pass_obj
def template(settings: "Settings") -> None:
    """Write a settings file with every setting, its default and its meaning, all commented out."""
    from ..bootstrap import examine_plugins
    from ..settings.rendering import render

    click.echo(render(examine_plugins(settings).schemas), nl=False)


def _sections(settings: "Settings") -> dict[str, Any]:
    from ..bootstrap import examine_plugins

    schemas = examine_plugins(settings).schemas
    off = set(settings.unread) - set(schemas)
    complete = settings.with_sections(schemas, off=off)
    return {**{name: getattr(settings, name) for name in CORE_SECTIONS}, **dict(sorted(complete.plugin_sections.items()))}


def _masked(value: Any) -> Any:
    """A secret so that it can be shown: of a URL everything but the password, of anything else nothing."""
    from ..logs.redaction import MASK, redacted

    return redacted(value) if "://" in (value or "") else value and MASK
