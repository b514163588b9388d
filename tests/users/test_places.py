"""Where members stand in the tree, and whom they work for."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aasim_core.testing.principals import member_with
from aasim_core.testing.world import Person, World


def put(owner: Person, person: Person, **values: Any) -> None:
    """Change the person's membership."""
    assert owner.client.patch(f"/users/{person.user_id}", values).status == 200


# Where they stand


def test_the_branch_follows_from_the_department(owner: Person, tree: dict[str, str]) -> None:
    path = f"/users/{owner.user_id}"
    tried = [
        ({"department_id": tree["within"]}, (tree["within"], tree["one"])),
        ({"department_id": tree["free"]}, (tree["free"], None)),
        ({"department_id": None, "branch_id": tree["other"]}, (None, tree["other"])),
        ({"department_id": tree["care"], "branch_id": tree["one"]}, (tree["care"], tree["one"])),
        ({"department_id": None}, (None, tree["one"])),
        ({"branch_id": None}, (None, None)),
    ]
    for values, expected in tried:
        changed = owner.client.patch(path, values).data
        assert (changed["department_id"], changed["branch_id"]) == expected, values


def test_a_department_of_another_branch_is_refused(owner: Person, tree: dict[str, str]) -> None:
    refused = {"branch_id": ["invalid_reference"]}
    for place in ("care", "free"):
        body = {"department_id": tree[place], "branch_id": tree["other"]}
        assert owner.client.patch(f"/users/{owner.user_id}", body).codes == refused
        assert owner.client.post("/users", {"name": "G", "email": "g@example.com", **body}).codes == refused
    put(owner, owner, department_id=tree["care"])
    assert owner.client.patch(f"/users/{owner.user_id}", {"branch_id": tree["other"]}).codes == refused


def test_whoever_is_in_a_department_moves_along_with_it(owner: Person, tree: dict[str, str]) -> None:
    put(owner, owner, department_id=tree["within"])
    owner.client.patch(f"/departments/{tree['care']}", {"branch_id": tree["other"]})
    assert owner.client.get(f"/users/{owner.user_id}").data["branch_id"] == tree["other"]


def test_places_and_people_of_another_organization_are_like_none(world: World, owner: Person) -> None:
    stranger = world.organization("Other")
    theirs = {
        "branch_id": stranger.client.post("/branches", {"name": "Theirs"}).data["id"],
        "department_id": stranger.client.post("/departments", {"name": "Theirs"}).data["id"],
        "manager_id": stranger.user_id,
    }
    for name, known in theirs.items():
        unknown = f"{known.partition('_')[0]}_01h455vb4pex5vsknk084sn02q"
        answers = [owner.client.patch(f"/users/{owner.user_id}", {name: value}) for value in (known, unknown)]
        assert answers[0].codes == {name: ["invalid_reference"]}
        assert answers[0].body == answers[1].body


def test_a_project_is_no_place_for_a_member(world: World, owner: Person) -> None:
    project = world.node(owner, "project")
    assert owner.client.patch(f"/users/{owner.user_id}", {"department_id": project}).codes == {
        "department_id": ["invalid_format"]
    }


def test_moving_somebody_needs_the_permission_at_both_ends(world: World, owner: Person, tree: dict[str, str]) -> None:
    person = world.member(owner, "viewer")
    put(owner, person, department_id=tree["care"])
    clerk = member_with(world, owner, ["users:read", "users:update"], tree["care"])
    path = f"/users/{person.user_id}"
    assert clerk.client.patch(path, {"department_id": tree["within"]}).status == 200
    assert clerk.client.patch(path, {"department_id": tree["free"]}).codes == {"department_id": ["invalid_reference"]}
    assert clerk.client.patch(path, {"department_id": None}).codes == {"_": ["permission_denied"]}
    also = member_with(world, owner, ["departments:read"])
    assert also.client.patch(path, {"department_id": tree["free"]}).status == 403


# Whom they work for


def test_nobody_is_their_own_manager_nor_that_of_their_manager(world: World, owner: Person) -> None:
    one, two, three = (world.member(owner, "viewer") for _ in range(3))
    put(owner, two, manager_id=one.user_id)
    put(owner, three, manager_id=two.user_id)
    for manager in (one, three):
        answer = owner.client.patch(f"/users/{one.user_id}", {"manager_id": manager.user_id})
        assert answer.codes == {"manager_id": ["invalid_reference"]}


def test_two_who_become_each_others_manager_at_once_do_not_both(world: World, owner: Person) -> None:
    pairs = [(world.member(owner, "viewer"), world.member(owner, "viewer")) for _ in range(5)]
    for one, two in pairs:
        both = [(one, two), (two, one)]
        with ThreadPoolExecutor(2) as pool:
            statuses = list(
                pool.map(
                    lambda each: owner.client.patch(f"/users/{each[0].user_id}", {"manager_id": each[1].user_id}).status, both
                )
            )
        assert sorted(statuses) == [200, 422]


def test_a_manager_is_an_active_member(world: World, owner: Person) -> None:
    guest = owner.client.post("/users", {"name": "G", "email": "g@example.com"}).data["id"]
    assert owner.client.patch(f"/users/{owner.user_id}", {"manager_id": guest}).codes == {"manager_id": ["invalid_reference"]}


def test_another_organization_is_no_place_in_this_one(world: World, owner: Person) -> None:
    stranger = world.organization("Other")
    given = {"role": "viewer", "place": {"type": "organization", "id": stranger.organization_id}}
    answer = owner.client.post(f"/users/{owner.user_id}/assign", given)
    (problem,) = answer.body["errors"]["place.id"]
    assert (problem["code"], problem["message"]) == ("invalid_reference", "There is no such place in the organization.")
