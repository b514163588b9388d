"""``aasim openapi`` and ``aasim events``: print the contract with clients, to generate code or compare releases."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ..settings import Settings

_to_file: Callable[..., Any] = click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write here, not to the terminal."
)


@click.command()
@_to_file
@click.pass_obj
def openapi(settings: "Settings", output: Path | None) -> None:
    """Write the OpenAPI 3.1 document of the operations that are on, as JSON."""
    from ..openapi import document
    from ..process.installation import open_app

    write_json(document(open_app(settings)), output)


@click.command()
@_to_file
@click.pass_obj
def events(settings: "Settings", output: Path | None) -> None:
    """Write the types of events that can happen, with the JSON Schema of their data, as JSON."""
    from ..catalog.event_types import all_described
    from ..process.installation import open_app

    write_json(all_described(open_app(settings).events), output)


def write_json(value: Any, output: Path | None = None) -> None:
    """Write the value to a file or the terminal, with sorted keys, so that two can be compared."""
    import orjson

    content = orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n"
    if output is None:
        sys.stdout.buffer.write(content)
    else:
        output.write_bytes(content)
