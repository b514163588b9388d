"""Fills Aasim's database with job flows through the product's own records.

`python -m tests.bench.measurements.flows_seed DUE EMAIL=AGENT=COUNT…` takes the settings from the environment, as the product does.
Those flows start the agent once, at the time DUE; with `never` in its place they are due in some years.
"""

import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from aasim_core.app import App
from aasim_core.bootstrap import build_app
from aasim_core.clock import from_text, now, to_text
from aasim_core.context import organization_scope
from aasim_core.data.records import insert_rows
from aasim_core.settings import Settings
from aasim_plugins.job_flows.models import JobFlow
from aasim_plugins.job_flows.scheduling.due_times import look_at

from ..contestants.aasim_seed import home_of

_BATCH, _FAR_AWAY = 500, timedelta(days=3_000)


def main(due: str, *wanted: str) -> None:
    """Write the flows."""
    app = build_app(Settings.load())
    due_at = now() + _FAR_AWAY if due == "never" else from_text(due)
    with app.database.connected():
        for each in wanted:
            email, agent_id, count = each.split("=")
            _write(app, email, agent_id, int(count), due_at)


def _write(app: App, email: str, agent_id: str, count: int, due_at: datetime) -> None:
    user_id, organization_id = home_of(email)
    with organization_scope(organization_id):
        rows = list(_rows(user_id, agent_id, count, due_at))
        for start in range(0, count, _BATCH):
            with app.database.transaction():
                insert_rows(JobFlow, rows[start : start + _BATCH])
        with app.database.transaction():
            look_at(due_at)


def _rows(user_id: str, agent_id: str, count: int, due_at: datetime) -> Iterator[dict[str, Any]]:
    misfire = {"policy": "run_once", "max": 10, "window_seconds": 86_400}
    for number in range(count):
        yield JobFlow(
            name=f"Flow {due_at:%H%M%S} {number}", owner_id=user_id, target_type="agent", target_id=agent_id, target_label="Scripted",
            trigger={"type": "once", "due_at": to_text(due_at)}, input="Hello 0123456789", misfire=misfire, treated_until=now(),
            next_due_at=due_at,
        ).row()  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])
