"""Fills Aasim's database with agents through the product's own records.

`python -m tests.bench.contestants.aasim_seed EMAIL ROWS [GRANTS]` takes the settings from the environment, as the product does. With
GRANTS, as many users with a grant each join the organization.
"""

import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from aasim_core.bootstrap import build_app
from aasim_core.context import organization_scope, system_scope
from aasim_core.data.records import TenantRecord, insert_rows
from aasim_core.settings import Settings
from aasim_plugins.agents.models import Agent

from . import shape

BATCH = 100


def main(email: str, agents: int, grants: int) -> None:
    """Write `agents` agents of the user's organization, and `grants` grants of other users."""
    app = build_app(Settings.load())
    with app.database.connected():
        user, organization = home_of(email)
        with organization_scope(organization):
            _write(app, Agent, _agents(organization, user, agents))
            _write(app, *_grants(organization, grants))


def home_of(email: str) -> tuple[str, str]:
    from aasim_core.tenancy.records import Membership, User

    with system_scope("find the benchmark's user"):
        user = User.get(User.email == email)
        return user.id, Membership.get(Membership.user_id == user.id).organization_id


def _agents(organization: str, owner: str, count: int) -> Iterator[dict[str, Any]]:
    names = set(Agent._meta.fields)
    for agent in shape.agents(organization, count):
        known = {name: value for name, value in agent.items() if name in names and name not in ("id", "engine_id")}
        yield Agent(**{**known, "owner_id": owner}).row()


def _grants(organization: str, count: int) -> tuple[type[TenantRecord], Iterator[dict[str, Any]]]:
    from aasim_core.access.records import Grant
    from aasim_core.ids import new_id

    def rows() -> Iterator[dict[str, Any]]:
        some = Grant.select().first()
        for _ in range(count):
            values = {"subject_type": "user", "subject_id": new_id("user"), "role_id": some.role_id, "node_id": some.node_id}
            yield Grant(**values, organization_id=organization, source=some.source).row()

    return Grant, rows()


def _write(app: Any, model: type[Any], rows: Iterator[dict[str, Any]]) -> None:
    while batch := list(islice(rows, 50 * BATCH)):
        with app.database.transaction():
            for part in _parts(batch):
                insert_rows(model, part)


def _parts(rows: Sequence[dict[str, Any]]) -> Iterator[Sequence[dict[str, Any]]]:
    for start in range(0, len(rows), BATCH):
        yield rows[start : start + BATCH]


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 0)
