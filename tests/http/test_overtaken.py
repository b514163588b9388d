"""Changes at the same time: without a version in the request the last one wins; with one, the first."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from aasim_core.testing.world import Person, World

_MANY = 12


@pytest.fixture
def owner(world: World) -> Person:
    return world.organization()


def at_once(send: Any) -> list[int]:
    """The statuses of many requests that are sent together; each gets its number."""
    with ThreadPoolExecutor(_MANY) as pool:
        return sorted(answer.status for answer in pool.map(send, range(_MANY)))


@pytest.mark.long
def test_without_a_version_every_change_is_made(owner: Person) -> None:
    path = f"/branches/{owner.client.post('/branches', {'name': 'Vienna'}).data['id']}"
    assert at_once(lambda n: owner.client.patch(path, {"name": f"Vienna {n}"})) == [200] * _MANY
    assert owner.client.get(path).data["version"] == 1 + _MANY
    assert (
        len(owner.client.get("/activities?action=branches.updated&occurred_at[gte]=2020-01-01T00:00:00Z").data["items"]) == _MANY
    )


def test_with_a_version_one_change_is_made(owner: Person) -> None:
    path = f"/branches/{owner.client.post('/branches', {'name': 'Vienna'}).data['id']}"
    answers = at_once(lambda n: owner.client.patch(path, {"name": f"Vienna {n}"}, If_Match='"1"'))
    assert answers == [200] + [412] * (_MANY - 1)


def test_an_agent_can_be_halted_while_others_change_it(owner: Person) -> None:
    path = f"/agents/{owner.client.post('/agents', {'name': 'Busy'}).data['id']}"

    def send(number: int) -> Any:
        return (
            owner.client.patch(path, {"name": f"Busy {number}"})
            if number
            else owner.client.post(f"{path}/halt", {"reason": "Too busy."})
        )

    assert at_once(send) == [200] * _MANY
    assert owner.client.get(path).data["halted_at"] is not None


def test_things_of_one_name_that_are_made_at_once_get_slugs_of_their_own(owner: Person) -> None:
    assert at_once(lambda _: owner.client.post("/teams", {"name": "Customer care"})) == [201] * _MANY


def test_changes_of_different_fields_at_the_same_time_all_stay(owner: Person) -> None:
    path = f"/agents/{owner.client.post('/agents', {'name': 'Busy'}).data['id']}"
    patches: list[dict[str, Any]] = [
        {"description": "Answers."},
        {"instructions": "Answer."},
        {"tags": ["support"]},
        {"visibility": "private"},
        {"parameters": {"seed": 1}},
        {"status": "paused"},
        {"memory": {"limit": 3}},
        *({"limits": {name: 5}} for name in ("max_steps", "max_tool_calls", "max_tokens", "timeout_seconds", "max_concurrent")),
    ]
    assert at_once(lambda number: owner.client.patch(path, patches[number])) == [200] * _MANY
    agent = owner.client.get(path).data
    assert agent["memory"]["limit"] == 3
    assert agent["limits"] == dict.fromkeys(("max_steps", "max_tool_calls", "max_tokens", "timeout_seconds", "max_concurrent"), 5)
    assert {name: agent[name] for patch in patches[:6] for name in patch} == {
        k: v for patch in patches[:6] for k, v in patch.items()
    }
