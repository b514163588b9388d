"""Who sees which executions, and who may repeat them."""

from aasim_core.testing.world import World


def test_the_executions_of_a_shared_agent_are_listed_to_whom_each_of_them_is_there(world: World) -> None:
    owner = world.organization()
    member = world.member(owner, "operator", world.node(owner, "project"))
    agent = owner.client.post("/agents", {"name": "Shared"}).data
    theirs, own = (
        person.client.post(f"/agents/{agent['id']}/execute", {"input": "Hello"}).data["id"] for person in (owner, member)
    )
    listed = member.client.get(f"/agents/{agent['id']}/executions").data["items"]
    assert [execution["id"] for execution in listed] == [own]
    assert member.client.get(f"/executions/{theirs}").status == 404
    assert len(owner.client.get(f"/agents/{agent['id']}/executions").data["items"]) == 2


def test_a_private_agent_is_not_run_by_repeating_what_its_owner_ran(world: World) -> None:
    owner = world.organization()
    builder = world.member(owner, "builder")
    agent = builder.client.post("/agents", {"name": "Mine", "visibility": "private"}).data
    execution = builder.client.post(f"/agents/{agent['id']}/execute", {"input": "Hello"}).data
    builder.client.post(f"/executions/{execution['id']}/cancel")
    assert owner.client.post(f"/agents/{agent['id']}/execute", {"input": "Hello"}).status == 404
    assert owner.client.post(f"/executions/{execution['id']}/retry").status == 404
    assert builder.client.post(f"/executions/{execution['id']}/retry").status == 202
