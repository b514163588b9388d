"""Print the grades of plugins, and what to write where a rule is not met."""

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click
import orjson

from ..catalog.grades.grading import GRADES_OF, Report
from ..errors import InvalidArgument
from ..terminal.output import print_table

if TYPE_CHECKING:
    from ..app import App
    from ..plugins.registry import Found


def print_grades(app: "App", only: "Found | None", *, as_json: bool) -> None:
    """Write the grade of each plugin that is on, or of `only` one with all that it misses; InvalidArgument if that is not on."""
    grades = app.stash.of(GRADES_OF)
    names = [only.name] if only else [plugin.name for plugin in app.plugins.on]
    reports = {name: report for name in names if (report := grades.of(name))}
    if only and not reports:
        raise InvalidArgument(
            f"The plugin {only.name} is {only.state}, and only one that is on is graded; see: aasim plugins check"
        )
    if as_json:
        told = [{"name": name, **asdict(report)} for name, report in reports.items()]
        sys.stdout.buffer.write(orjson.dumps(told[0] if only else told, option=orjson.OPT_INDENT_2) + b"\n")
    elif only:
        _print_report(only.name, reports[only.name])
    else:
        rows = [(name, report.grade or "", ", ".join(miss.rule for miss in report.misses)) for name, report in reports.items()]
        print_table(("plugin", "grade", "rules that it misses"), rows)


def _print_report(name: str, report: Report) -> None:
    click.echo(f"{name}: {report.grade or 'no grade'}")
    for miss in report.misses:
        click.secho(f"\n{miss.grade}: {miss.rule}", bold=True)
        click.echo(f"{miss.asks} Otherwise: {miss.harm}")
        for flaw in miss.flaws:
            click.echo(f"- {flaw.place + ': ' if flaw.place else ''}{flaw.advice}")
        if miss.count > len(miss.flaws):
            click.echo(f"- … and {miss.count - len(miss.flaws)} more")
