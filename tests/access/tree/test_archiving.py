"""Nodes that are archived or on hold: what belongs to them is read-only, or nothing begins there."""

from collections.abc import Callable
from datetime import datetime

import pytest

from aasim_core.access import tree
from aasim_core.app import App
from aasim_core.clock import now
from aasim_core.errors import Refused
from aasim_core.tenancy.principal import Principal
from aasim_core.testing.world import Person, World

from ..loading import change


def sender(app: App, person: Person) -> Principal:
    """The person, as the next request has them."""
    return app.authenticator.principal_of_token(str(person.client.token))


@pytest.mark.long
def test_what_belongs_to_an_archived_node_is_read_only(app: App, world: World, owner: Person) -> None:
    project = world.node(owner, "project")
    change(world, owner, lambda: tree.archive(project, now()))
    app.rights.refuse_archived(sender(app, owner), None)
    with pytest.raises(Refused) as caught:
        app.rights.refuse_archived(sender(app, owner), project)
    assert (caught.value.code, caught.value.problems["_"][0].meta) == ("invalid_state", {"archived": project})
    change(world, owner, lambda: tree.archive(project, None))
    app.rights.refuse_archived(sender(app, owner), project)


@pytest.mark.long
@pytest.mark.usefixtures("in_transaction")
@pytest.mark.parametrize(("state", "stop"), [("on_hold", tree.hold), ("archived", tree.archive)])
def test_nothing_begins_in_a_node_that_is_on_hold_or_archived(
    world: World, owner: Person, state: str, stop: Callable[[str, datetime | None], None]
) -> None:
    project = world.node(owner, "project")
    for going_on in (None, project):
        tree.refuse_to_begin(going_on)
    stop(project, now())
    with pytest.raises(Refused) as caught:
        tree.refuse_to_begin(project)
    assert caught.value.problems["_"][0].meta == {"project": project, "status": state}
    stop(project, None)
    tree.refuse_to_begin(project)
