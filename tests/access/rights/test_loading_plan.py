"""Rights are loaded and told as quickly in a large organization among many small ones as in these."""

import re
from typing import Any

import pytest

from aasim_core.access.records import Grant, Node, Role, TeamMember
from aasim_core.app import App
from aasim_core.context import organization_scope, system_scope
from aasim_core.data.records import insert_rows
from aasim_core.ids import new_id
from aasim_core.tenancy.principal import Principal
from aasim_core.testing.statements import analyze, plan_of, recorded
from aasim_core.testing.world import Person, World


def give(organization_id: str, role_id: str, count: int) -> None:
    """Grants of a role at the organization to so many members, each in a team that holds it too."""
    with organization_scope(organization_id):
        users = [new_id("user") for _ in range(count)]
        teams = [new_id("team") for _ in users]
        insert_rows(TeamMember, [TeamMember(team_id=t, user_id=u).row() for t, u in zip(teams, users, strict=True)])
        held = [("user", each) for each in users] + [("team", each) for each in teams]
        grants = [Grant(subject_type=kind, subject_id=each, role_id=role_id, node_id=organization_id) for kind, each in held]
        insert_rows(Grant, [grant.row() for grant in grants])


@pytest.fixture
def large(app: App, world: World) -> Person:
    """The owner of an organization of 3,000 members among many small ones."""
    owner = world.organization("Large")
    with organization_scope(owner.organization_id):
        role = Role.get(Role.name == "viewer")
    with app.database.transaction():
        give(owner.organization_id, role.id, 3_000)
        for _ in range(1_500):
            other = new_id("organization")
            with organization_scope(other):
                insert_rows(Node, [Node(id=other, kind="organization", path=f"/{other}/", depth=0).row()])
            give(other, role.id, 1)
    analyze(app.settings.database.url)
    return owner


def buffers(app: App, statement: Any) -> int:
    """How many pages of tables and indexes the plan for any values reads."""
    types = ", ".join("int" if isinstance(value, int) else "text" for value in statement.parameters)
    numbered = statement.sql
    for n in range(len(statement.parameters)):
        numbered = numbered.replace("%s", f"${n + 1}", 1)
    values = ", ".join(f"'{value}'" for value in statement.parameters).replace("%", "%%")
    database = app.database
    with system_scope("explain a plan"):
        database.execute_sql("SET plan_cache_mode = force_generic_plan")
        database.execute_sql(f"PREPARE rights ({types}) AS {numbered}")
    return int(_explained(database, values))


def _explained(database: Any, values: str) -> int:
    with system_scope("explain a plan"):
        [[plan]] = database.execute_sql(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE rights ({values})").fetchall()
    return int(plan[0]["Plan"]["Shared Hit Blocks"] + plan[0]["Plan"]["Shared Read Blocks"])


@pytest.mark.long
@pytest.mark.parametrize("databases", ["postgresql"], indirect=True)  # SQLite makes one plan, whatever the values are
@pytest.mark.postgres
def test_the_plan_for_any_organization_reads_no_grants_of_others(app: App, large: Person) -> None:
    with organization_scope(large.organization_id):
        member = TeamMember.select().where(TeamMember.user_id.startswith("user_")).get()
        with recorded(app.database) as statements:
            rights = app.rights.of(Principal("user", member.user_id, large.organization_id, 99, "somebody"))
    assert rights.permissions
    [grants] = [statement for statement in statements if "core_grant" in statement.sql]
    assert buffers(app, grants) < 60


@pytest.mark.long
@pytest.mark.parametrize("databases", ["postgresql"], indirect=True)  # SQLite has a plan of its own for an OR
@pytest.mark.postgres
def test_what_somebody_holds_is_told_without_a_look_at_what_others_do(app: App, large: Person) -> None:
    with recorded(app.database) as statements:
        assert large.client.get("/auth/me").data["roles"][0]["role"] == "owner"
        asked = {"user_id": large.user_id, "permission": "agents:read"}
        assert large.client.post("/permissions/explain", asked).data["reason"] == "granted"
    with organization_scope(large.organization_id):
        plans = [plan_of(app.database, each) for each in statements if '"core_grant"' in each.sql]
    assert len(plans) >= 2
    assert not re.search(r"Seq Scan on core_grant|core_grant_(?!organization_id_subject_id)", "\n".join(plans)), plans
