"""``aasim admin``: administrators of the platform."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..settings import Settings


@click.group()
def admin() -> None:
    """Administrators of the platform."""


_email_option = click.option("--email", required=True, metavar="E", help="The address to log in with.")
_generate_option = click.option("--generate", is_flag=True, help="Make a password and print it, once.")
_file_option = click.option(
    "--password-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="F",
    help="Take the password from the first line of a file.",
)


@admin.command()
@_email_option
@_generate_option
@_file_option
@click.pass_obj
def create(settings: "Settings", email: str, generate: bool, password_file: Path | None) -> None:
    """Create an administrator, with an organization of their own."""
    from ..identity import administrators
    from ..process.installation import open_app

    password = _chosen(generate, password_file)
    app = open_app(settings)
    administrators.create(app.database, app.passwords, email, password)
    click.echo(f"Created {email}.")
    if generate:
        click.echo(f"Password, shown only now: {password}")


@admin.command("list")
@click.pass_obj
def list_administrators(settings: "Settings") -> None:
    """Show the platform administrators."""
    from ..identity import administrators
    from ..process.installation import open_app
    from ..terminal.output import print_table

    rows = [
        (user.email, user.name, user.status, user.created_at.strftime("%Y-%m-%d %H:%M:%S"))
        for user in administrators.list_all(open_app(settings).database)
    ]
    if rows:
        print_table(("email", "name", "status", "created"), rows)
    else:
        click.echo("There is no administrator; make one: aasim admin create --email you@example.com --generate")


@admin.command("reset-password")
@_email_option
@_generate_option
@_file_option
@click.pass_obj
def reset_password(settings: "Settings", email: str, generate: bool, password_file: Path | None) -> None:
    """Set an administrator's password, and log them out everywhere."""
    from ..identity import administrators
    from ..process.installation import open_app

    password = _chosen(generate, password_file)
    app = open_app(settings)
    administrators.reset_password(app.database, app.passwords, email, password)
    click.echo(f"The password of {email} is changed, and they are logged out everywhere.")
    if generate:
        click.echo(f"Password, shown only now: {password}")


def _chosen(generate: bool, password_file: Path | None) -> str:
    """The password, from where the options say."""
    from ..identity.passwords import generated_password

    if generate == (password_file is not None):
        raise click.UsageError("Say where the password comes from: --generate or --password-file F.")
    return _from_file(password_file) if password_file else generated_password()


def _from_file(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")
    except UnicodeDecodeError:
        raise click.UsageError(f"{path} is not text in UTF-8; write the password into it as such.") from None
