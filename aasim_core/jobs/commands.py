"""``aasim jobs``: see background work, and what to do about jobs that failed."""

import click


@click.group("jobs")
def group() -> None:
    """Background jobs."""
