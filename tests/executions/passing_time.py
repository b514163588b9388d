"""Time that passes at once, for jobs that are put off and for runs that look again later."""

from datetime import timedelta

from aasim_core.app import App
from aasim_core.clock import now
from aasim_core.context import system_scope
from aasim_core.jobs.records import JobRow
from aasim_plugins.executions.models import WaitRow


def make_due(app: App) -> None:
    """Let the time pass for which jobs are put off, and after which blocked runs look again."""
    with app.database.transaction(), system_scope("test"):
        if app.plugins.is_on("executions"):
            WaitRow.update(deadline=now() - timedelta(seconds=1)).where(WaitRow.kind == "missing").execute()
        JobRow.update(delayed=False, run_at=now()).where(JobRow.state == "queued").execute()
