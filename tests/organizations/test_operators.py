"""What the people who run the installation do with organizations, at the command line."""

import json
import stat
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from aasim_core.app import App
from aasim_core.testing.world import Person, World
from aasim_plugins.organizations.commands import export, list_organizations, reactivate, suspend

WHY = ("--reason", "They have not paid.")


@pytest.fixture
def owner(world: World) -> Person:
    """The owner of Acme."""
    return world.organization("Acme")


def call(app: App, command: Callable[[App], click.Command], *arguments: str) -> Result:
    """Call a command as an operator does."""
    return CliRunner().invoke(command(app), arguments)


def test_the_members_of_a_suspended_organization_are_told_so(app: App, owner: Person) -> None:
    result = call(app, suspend, "Acme", *WHY)
    assert result.output == f"Acme ({owner.organization_id}) is suspended.\n"
    assert owner.client.get("/agents").codes == {"_": ["organization_suspended"]}


def test_other_organizations_go_on(app: App, world: World, owner: Person) -> None:
    other = world.organization("Other")
    call(app, suspend, owner.organization_id, *WHY)
    assert other.client.get("/agents").status == 200


def test_nothing_runs_in_a_suspended_organization(app: App, owner: Person) -> None:
    with app.database.connected():
        assert not app.organization_states.of(owner.organization_id).is_halted
        call(app, suspend, "Acme", *WHY)
    with app.database.connected():
        assert app.organization_states.of(owner.organization_id).is_halted


def test_a_reactivated_organization_is_as_before_and_its_log_tells_why(app: App, owner: Person) -> None:
    slug = owner.client.get(f"/organizations/{owner.organization_id}").data["slug"]
    call(app, suspend, slug, *WHY)
    assert call(app, reactivate, slug, "--reason", "They have paid.").exit_code == 0
    told = owner.client.get(
        "/activities?action[prefix]=organizations.&sort=occurred_at&occurred_at[gte]=2020-01-01T00:00:00Z"
    ).data["items"]
    assert [(each["action"], each["data"]["reason"], each["actor"]["type"]) for each in told] == [
        ("organizations.suspended", "They have not paid.", "system"),
        ("organizations.reactivated", "They have paid.", "system"),
    ]


def test_suspending_twice_changes_nothing(app: App, owner: Person) -> None:
    call(app, suspend, "Acme", *WHY)
    assert "is suspended already, and stays so" in call(app, suspend, "Acme", *WHY).output
    call(app, reactivate, "Acme", *WHY)
    assert (
        len(owner.client.get("/activities?action=organizations.suspended&occurred_at[gte]=2020-01-01T00:00:00Z").data["items"])
        == 1
    )


def test_a_deleted_organization_is_its_owners_to_restore(app: App, owner: Person) -> None:
    owner.client.delete(f"/organizations/{owner.organization_id}")
    for command in (suspend, reactivate):
        assert "one of its owners can restore it" in str(call(app, command, "Acme", *WHY).exception)


def test_an_organization_has_to_be_named_without_doubt(app: App, world: World, owner: Person) -> None:
    twin = world.organization("Acme")
    problem = str(call(app, suspend, "Acme", *WHY).exception)
    assert owner.organization_id in problem and twin.organization_id in problem
    assert "aasim organizations list" in str(call(app, suspend, "Nobody", *WHY).exception)


def test_a_reason_is_needed(app: App, owner: Person) -> None:
    assert "--reason" in call(app, suspend, "Acme").output


def test_all_are_listed_with_their_members_or_those_of_a_status(app: App, world: World, owner: Person) -> None:
    world.member(owner, "viewer")
    world.organization("Other")
    call(app, suspend, "Other", *WHY)
    whole, suspended = call(app, list_organizations).output, call(app, list_organizations, "--status", "suspended").output
    line = next(line for line in whole.splitlines() if owner.organization_id in line)
    assert line.split()[1:5] == ["Acme", "acme", "active", "2"]
    assert "Other" in whole and "Other" in suspended and "Acme" not in suspended


def test_everything_of_an_organization_is_written_to_a_new_file_for_its_owners(app: App, owner: Person, tmp_path: Path) -> None:
    owner.client.post("/agents", {"name": "One"})
    path = tmp_path / "acme.jsonl"
    result = call(app, export, "Acme", str(path))
    tables = [json.loads(line)["table"] for line in path.read_text(encoding="utf-8").splitlines()]
    assert (result.exit_code, tables[0], "agents_agent" in tables) == (0, "core_organization", True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    [told] = owner.client.get("/activities?action=organizations.exported&occurred_at[gte]=2026-01-01T00:00:00Z").data["items"]
    assert told["actor"]["type"] == "system"


def test_an_export_overwrites_no_file(app: App, owner: Person, tmp_path: Path) -> None:
    path = tmp_path / "acme.jsonl"
    path.write_text("Precious.", encoding="utf-8")
    assert "is there already; name another file" in str(call(app, export, "Acme", str(path)).exception)
    assert path.read_text(encoding="utf-8") == "Precious."
