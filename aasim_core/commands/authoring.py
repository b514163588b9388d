"""``aasim plugins new`` and ``makemigration``: scaffold a plugin, and write the migration that its changed records need."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..authoring.parts import PARTS

if TYPE_CHECKING:
    from ..settings import Settings

_DIR = click.Path(path_type=Path, file_okay=False)
_NEXT_IN_FOLDER = """
Next:
  1. Where it says "Say in one sentence", say it: in __init__.py, models.py and README.md of {plugin}.
  2. Turn it on: write folder = "{root}" below [plugins] of the settings file, and call aasim plugins enable {name}
  3. aasim plugins check, and aasim up to try it.
  4. pip install "aasim[testing]", and test it in {root} with: python -m pytest tests/{name}"""
_NEXT_AS_DISTRIBUTION = """
Next:
  1. Where it says "Say in one sentence", say it: in __init__.py, models.py and README.md of {plugin}.
  2. Fill in license, authors and urls in pyproject.toml.
  3. pip install --editable "{root}[testing]", and turn it on: aasim plugins enable {name}
  4. aasim plugins check, and aasim up to try it.
  5. Test it in {root} with: python -m pytest"""


def _parts(ctx: click.Context, parameter: click.Parameter, value: str) -> tuple[str, ...]:
    """The parts, in the order of `PARTS`; BadParameter for a word that is none of them."""
    from ..text.suggestions import did_you_mean

    asked = {word.strip() for word in value.split(",") if word.strip()}
    for word in sorted(asked - PARTS.keys()):
        message = f"There is no part {word!r}.{did_you_mean(word, PARTS)} The parts are {', '.join(PARTS)}"
        raise click.BadParameter(message, ctx, parameter)
    return tuple(part for part in PARTS if part in asked)


@click.command("new")
@click.argument("name")
@click.option("--folder", type=_DIR, metavar="DIR", help="Write it into the folder of plugins.")
@click.option("--dist", type=_DIR, metavar="DIR", help="Write it as a distribution, into DIR.")
@click.option("--resource", metavar="WORDS", help="The plural noun of what it keeps, where that is not NAME.")
@click.option("--singular", metavar="WORD", help="What one of them is, where leaving off an s does not tell.")
@click.option("--with", "parts", default="", metavar="PART,…", callback=_parts, help=f"What else it brings: {', '.join(PARTS)}.")
@click.pass_obj
def new(
    settings: "Settings",
    name: str,
    folder: Path | None,
    dist: Path | None,
    resource: str | None,
    singular: str | None,
    parts: tuple[str, ...],
) -> None:
    """Write a plugin to begin with: a resource NAME, a plural noun, with its migration, its tests and its packaging.

    Where the plugin is called otherwise than what it keeps, name both: inventory --resource items.
    """
    from ..authoring.scaffold import as_distribution, in_folder, write_plugin
    from ..plugins.loading.discovery import discover

    if folder is not None and dist is None:
        layout, advice = in_folder(folder.resolve(), name), _NEXT_IN_FOLDER
    elif dist is not None and folder is None:
        layout, advice = as_distribution(dist.resolve(), name), _NEXT_AS_DISTRIBUTION
    else:
        raise click.UsageError("Say where: --folder DIR for the folder of plugins, or --dist DIR for a distribution of its own.")
    others = {*discover(settings.plugins.folder), *discover(folder)}
    for path in write_plugin(layout, name, singular, parts, others, resource):
        click.echo(f"wrote {path}")
    click.echo(advice.format(name=name, plugin=layout.plugin, root=layout.root))


@click.command("makemigration")
@click.argument("name")
@click.pass_obj
def makemigration(settings: "Settings", name: str) -> None:
    """Write the next migrations of the plugin NAME, so that its tables are what its records mean."""
    from ..authoring.migration import write_migrations
    from ..bootstrap import build_app

    written = write_migrations(build_app(settings), name)
    for path in written:
        click.echo(f"wrote {path}")
    if any(path.name.endswith(".offline.py") for path in written):
        click.echo("What ends in .offline.py needs all processes stopped: new code cannot write rows while the column is there.")
    click.echo(
        "Read what was written, then: aasim plugins check" if written else f"The tables of {name} are what its records mean."
    )
