"""Records under records: who may not know of the parent does not learn what is under it, and nothing is found under another one."""

from typing import Any

import pytest

from aasim_core.testing.principals import member_with
from aasim_core.testing.world import Person, World

CRITERION = {"key": "short", "weight": 1, "grader": "length", "parameters": {"max": 10}}


@pytest.fixture
def owner(world: World) -> Person:
    """The owner of an organization."""
    return world.organization()


@pytest.fixture
def rubrics(owner: Person) -> tuple[str, str]:
    """The paths of two rubrics of one engine."""
    engine = owner.client.get("/engines?provider=scripted").data["items"][0]["id"]
    made = [
        owner.client.post(f"/engines/{engine}/rubrics", {"name": name, "criteria": [CRITERION]}).data["id"]
        for name in ("Tone", "Facts")
    ]
    return f"/engines/{engine}/rubrics/{made[0]}", f"/engines/{engine}/rubrics/{made[1]}"


def create_example(owner: Person, rubric: str) -> Any:
    """An example of the rubric."""
    return owner.client.post(f"{rubric}/examples", {"name": "Greeting", "input": "Hi"}).data


def ids(person: Person, path: str) -> list[str]:
    """The ids on the list."""
    return [item["id"] for item in person.client.get(path).data["items"]]


def test_what_is_created_under_a_parent_is_listed_under_that_one_only(owner: Person, rubrics: tuple[str, str]) -> None:
    tone, facts = rubrics
    example = create_example(owner, tone)
    assert (ids(owner, f"{tone}/examples"), ids(owner, f"{facts}/examples")) == ([example["id"]], [])


@pytest.mark.parametrize("method", ["get", "patch", "delete"])
def test_what_is_under_another_parent_is_not_found(owner: Person, rubrics: tuple[str, str], method: str) -> None:
    tone, facts = rubrics
    example = create_example(owner, tone)
    body = {"name": "Farewell"} if method == "patch" else None
    assert owner.client.ask(method.upper(), f"{facts}/examples/{example['id']}", body).status == 404
    assert owner.client.ask(method.upper(), f"{tone}/examples/{example['id']}", body).status == 200


def test_under_a_parent_that_is_not_there_is_nothing(owner: Person, rubrics: tuple[str, str]) -> None:
    tone, _ = rubrics
    example = create_example(owner, tone)
    owner.client.delete(f"{tone}/examples/{example['id']}")
    owner.client.delete(tone)
    assert owner.client.get(f"{tone}/examples").codes == {"_": ["not_found"]}


def test_who_may_not_read_the_parent_learns_nothing_of_what_is_under_it(world: World, owner: Person) -> None:
    mine, theirs = world.node(owner, "project"), world.node(owner, "project")
    budgets = {
        place: owner.client.post(
            "/budgets", {"name": f"In {place}", "place": {"type": "project", "id": place}, "max_tokens": 9}
        ).data
        for place in (mine, theirs)
    }
    reader = member_with(world, owner, ["budgets:read"], mine)
    assert reader.client.get(f"/budgets/{budgets[mine]['id']}/periods").status == 200
    refused = reader.client.get(f"/budgets/{budgets[theirs]['id']}/periods")
    assert (refused.status, refused.codes) == (404, {"_": ["not_found"]})


def test_who_may_read_the_parent_and_not_change_it_is_told_what_is_lacking(
    world: World, owner: Person, rubrics: tuple[str, str]
) -> None:
    reader = member_with(world, owner, ["rubrics:read"])
    refused = reader.client.post(f"{rubrics[0]}/examples", {"name": "Greeting", "input": "Hi"})
    assert (refused.status, refused.body["errors"]["_"][0]["meta"]) == (403, {"permission": "rubrics:create"})
