"""Names of the people in approvals: assignees, who voted, for whom, and who decided."""

from collections.abc import Callable, Iterator
from typing import Any

from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.testing.principals import member_with
from aasim_core.testing.statements import recorded
from aasim_core.testing.world import Person, World
from aasim_plugins.hitl_approvals.models import Approval

Ask = Callable[..., str]
EXPANDED = "expand=assignees,votes,decision"


def named(owner: Person, user_id: str) -> dict[str, str]:
    return {"id": user_id, "name": owner.client.get(f"/users/{user_id}").data["name"]}


def approve(person: Person, approval_id: str) -> None:
    assert person.client.post(f"/hitl-approvals/{approval_id}/approve", {}).status == 200


def names_in(approval: dict[str, Any]) -> Iterator[Any]:
    """Every name that was added."""
    yield from (each["object"] for each in approval["assignees"])
    yield from (each[name] for each in approval["votes"] for name in ("user", "on_behalf_of_object"))
    yield approval["decision"]["user"]


def test_people_have_names_next_to_their_ids(owner: Person, approver: Person, world: World, ask: Ask) -> None:
    absent = world.member(owner, "approver")
    body = {
        "from_user_id": absent.user_id,
        "to_user_id": approver.user_id,
        "reason": "Away.",
        "expires_at": "2040-01-01T00:00:00Z",
    }
    assert absent.client.post("/hitl-approvals/delegations", body).status == 201
    team = owner.client.post("/teams", {"name": "Refunds"}).data["id"]
    approval_id = ask(("user", absent.user_id), ("team", team), ("permission", None))
    plain, expanded = (owner.client.get(f"/hitl-approvals/{approval_id}{query}").data for query in ("", f"?{EXPANDED}"))
    names = [named(owner, absent.user_id), {"id": team, "name": "Refunds"}, None]
    assert expanded == {
        **plain,
        "assignees": [{**each, "object": name} for each, name in zip(plain["assignees"], names, strict=True)],
    }

    other = ask(("user", absent.user_id))
    approve(approver, other)
    [item] = owner.client.get(f"/hitl-approvals?status=approved&fields=id&{EXPANDED}").data["items"]
    [vote] = item["votes"]
    assert (vote["user"], vote["on_behalf_of_object"]) == (named(owner, approver.user_id), named(owner, absent.user_id))
    assert item["decision"]["user"] == named(owner, approver.user_id)


def test_names_take_a_statement_for_each_kind_whatever_the_number_of_people(
    app: App, owner: Person, world: World, ask: Ask
) -> None:
    def statements(query: str) -> int:
        owner.client.get(f"/hitl-approvals?{query}")
        with recorded(app.database) as found:
            assert owner.client.get(f"/hitl-approvals?{query}").status == 200
        return len(found)

    def decided() -> None:
        person = world.member(owner, "approver")
        approve(person, ask(("user", person.user_id)))

    decided()
    few, plain = statements(EXPANDED), statements("limit=25")
    for _ in range(5):
        decided()
    assert (statements(EXPANDED), statements("limit=25")) == (few, plain)
    assert few == plain + 1


def test_who_left_the_organization_has_no_name(owner: Person, world: World, ask: Ask) -> None:
    leaver = world.member(owner, "approver")
    approval_id = ask(("user", leaver.user_id))
    approve(leaver, approval_id)
    assert owner.client.delete(f"/users/{leaver.user_id}").status == 200

    approval = owner.client.get(f"/hitl-approvals/{approval_id}?{EXPANDED}").data
    assert approval["decision"]["user_id"] == leaver.user_id
    assert set(names_in(approval)) == {None}


def test_names_are_for_those_who_may_read_users(owner: Person, approver: Person, world: World, ask: Ask) -> None:
    approval_id = ask(("user", approver.user_id))
    approve(approver, approval_id)
    reader = member_with(world, owner, ["hitl_approvals:read"])
    assert set(names_in(reader.client.get(f"/hitl-approvals/{approval_id}?{EXPANDED}").data)) == {None}


def test_nobody_of_another_organization_is_named(owner: Person, world: World, ask: Ask) -> None:
    stranger = world.organization("Other")
    approval_id = ask(("user", stranger.user_id))
    with organization_scope(owner.organization_id):
        decision = {"approved": True, "user_id": stranger.user_id, "decided_at": "2026-01-31T09:00:00.000Z"}
        Approval.update(decision={**decision, "comment": None, "edits": None}).where(Approval.id == approval_id).execute()
    assert set(names_in(owner.client.get(f"/hitl-approvals/{approval_id}?{EXPANDED}").data)) == {None}
