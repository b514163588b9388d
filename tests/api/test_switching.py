"""Switching a plugin for an organization, as its owner does it."""

from aasim_core.testing.world import World


def test_the_answer_has_no_tag_for_the_version_of_a_distribution_counts_no_changes(world: World) -> None:
    owner = world.organization()
    answer = owner.client.put(f"/plugins/agents/organizations/{owner.organization_id}", {"status": "disabled"})
    assert (answer.status, answer.data["status"]) == (200, "disabled")
    assert "etag" not in answer.headers


def test_what_has_no_version_matches_no_tag(world: World) -> None:
    owner = world.organization()
    path = f"/plugins/agents/organizations/{owner.organization_id}"
    assert owner.client.put(path, {"status": "disabled"}, If_Match='"1"').codes == {"_": ["version_conflict"]}
    assert owner.client.put(path, {"status": "disabled"}, If_Match="*").status == 200


def test_an_essential_plugin_is_not_switched_off(world: World) -> None:
    owner = world.organization()
    answer = owner.client.put(f"/plugins/auth/organizations/{owner.organization_id}", {"status": "disabled"})
    assert answer.codes == {"_": ["invalid_state"]}


def test_what_only_operators_turn_off_is_not_switched_off(world: World) -> None:
    owner = world.organization()
    answer = owner.client.put(f"/plugins/subscriptions/organizations/{owner.organization_id}", {"status": "disabled"})
    assert answer.codes == {"_": ["invalid_state"]}
    assert "Only the operator of the installation" in answer.body["message"]


def test_what_is_not_there_is_404_before_the_body_is_looked_at(world: World) -> None:
    owner, other = world.organization(), world.organization("Other")
    for name, organization_id in (("agents", other.organization_id), ("agnets", owner.organization_id), ("agents", "x")):
        assert owner.client.put(f"/plugins/{name}/organizations/{organization_id}", {"enabeld": False}).codes == {
            "_": ["not_found"]
        }
