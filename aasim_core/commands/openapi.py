"""``aasim openapi``: the OpenAPI document of what is on."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..settings import Settings


@click.command()
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write here, not to the terminal."
)
@click.pass_obj
def openapi(settings: "Settings", output: Path | None) -> None:
    """Write the OpenAPI 3.1 document of the operations that are on, as JSON."""
    import orjson

    from ..http.openapi import document
    from ..installation import open_app

    content = orjson.dumps(document(open_app(settings)), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n"
    if output is None:
        sys.stdout.buffer.write(content)
    else:
        output.write_bytes(content)
