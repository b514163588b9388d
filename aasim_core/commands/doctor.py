"""``aasim doctor``: check an installation, and say what to do."""

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from .options import load_settings

if TYPE_CHECKING:
    from ..diagnosis.examination import Finding
    from ..settings import Settings
    from ..terminal.output import Terminal


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Write one JSON document, for programs.")
@click.pass_context
def doctor(ctx: click.Context, as_json: bool) -> None:
    """Check the installation, from its settings to its workers, and say what to do; exits with 1 if something is wrong.

    Nothing is changed. Run it as the user and with the settings of the processes.
    """
    from ..diagnosis.examination import STATES, examine
    from ..terminal.output import Terminal

    terminal, findings = Terminal(), []
    for finding in examine(partial(_settings, ctx)):
        findings.append(finding)
        if not as_json:
            _tell(terminal, finding)
    counts = Counter(finding.state for finding in findings)
    if as_json:
        _write(findings)
    else:
        click.echo(", ".join(f"{counts[state]} {state}" for state in STATES if counts[state]) + ".")
    ctx.exit(1 if counts["wrong"] else 0)


def _settings(ctx: click.Context) -> "Settings":
    from ..logs import configuration as logs

    settings = load_settings(ctx)
    logs.configure(logs.subdued(settings.log))
    return settings


def _tell(terminal: "Terminal", finding: "Finding") -> None:
    say = {"ok": terminal.done, "warning": terminal.trouble, "wrong": terminal.wrong}.get(finding.state, terminal.skipped)
    facts = ", ".join(f"{name} {_shown(value)}" for name, value in finding.facts.items())
    for line in finding.problems or (facts or "ok",):
        say(f"{finding.name}: {line}")


def _shown(value: Any) -> str:
    from ..text.json import to_json

    return value if isinstance(value, str) else f"{value:,}" if type(value) is int else to_json(value).decode()


def _write(findings: "list[Finding]") -> None:
    from ..text.json import to_json

    checks = [
        {"name": one.name, "state": one.state, "problems": list(one.problems), "facts": dict(one.facts)} for one in findings
    ]
    click.echo(to_json({"ok": all(one.state != "wrong" for one in findings), "checks": checks}))
