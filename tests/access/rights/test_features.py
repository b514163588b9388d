"""Features of an organization: switched off, or hidden by what a plugin says of its plan."""

from typing import Any

from aasim_core.app import App
from aasim_core.context import current_organization
from aasim_core.hookspecs import hookimpl
from aasim_core.tenancy import epoch
from aasim_core.tenancy.feature_switches import switch
from aasim_core.tenancy.records import Organization
from aasim_core.testing.world import Person, World

from ..loading import change


def test_a_feature_switched_off_is_off_for_that_organization_at_once(app: App, world: World, owner: Person) -> None:
    stranger = world.organization("Other")

    def allowed(person: Person) -> bool:
        return app.features.allowed(app.authenticator.principal_of_token(str(person.client.token)), "agents")

    assert allowed(owner)
    change(world, owner, lambda: switch(owner.organization_id, "agents", False))
    assert (allowed(owner), allowed(stranger)) == (False, True)
    change(world, owner, lambda: switch(owner.organization_id, "agents", True))
    assert allowed(owner)


def test_a_plugin_can_hide_a_feature_and_is_asked_once_an_epoch(app: App, world: World, owner: Person, join: Any) -> None:
    asked: list[str] = []

    class Plans:
        @hookimpl
        def feature_allowed(self, app: Any, organization_id: str, plugin: str) -> bool | None:
            asked.append(plugin)
            return False if plugin == "agents" else None

    join(Plans())
    principal = app.authenticator.principal_of_token(str(owner.client.token))
    assert [app.features.allowed(principal, name) for name in ("agents", "engines") * 2] == [False, True] * 2
    assert asked == ["agents", "engines"]


class OnePlan:
    """Turns one plugin off, for an organization, as its record says."""

    def __init__(self, plugin: str) -> None:
        self.plugin = plugin

    @hookimpl
    def feature_allowed(self, app: Any, organization_id: str, plugin: str) -> bool | None:
        organization = Organization.get_by_id(current_organization())
        return plugin != self.plugin if organization.name == "Basic" else None


def test_a_plan_is_asked_in_the_organizations_scope_and_again_when_it_changes(
    app: App, world: World, owner: Person, join: Any
) -> None:
    join(OnePlan("agents"))
    assert app.features.allowed_in(owner.organization_id, "agents")

    def downgrade() -> None:
        epoch.bump(owner.organization_id)
        Organization.update(name="Basic").where(Organization.id == owner.organization_id).execute()

    change(world, owner, downgrade)
    assert not app.features.allowed_in(owner.organization_id, "agents")
    assert app.features.allowed_in(world.organization("Other").organization_id, "agents")


def test_one_plugin_that_refuses_a_feature_is_enough(app: App, owner: Person, join: Any) -> None:
    class Generous:
        @hookimpl
        def feature_allowed(self, app: Any, organization_id: str, plugin: str) -> bool:
            return True

    class Strict:
        @hookimpl
        def feature_allowed(self, app: Any, organization_id: str, plugin: str) -> bool:
            return plugin != "agents"

    join(Generous()), join(Strict()), join(Generous())
    assert [app.features.allowed_in(owner.organization_id, name) for name in ("agents", "engines")] == [False, True]


def test_where_a_plan_lacks_a_plugin_what_requires_it_is_off_too(app: App, world: World, owner: Person, join: Any) -> None:
    join(OnePlan("engines"))
    change(world, owner, lambda: Organization.update(name="Basic").where(Organization.id == owner.organization_id).execute())
    answers = {path: owner.client.get(path) for path in ("/engines", "/agents", "/teams")}
    assert {path: answer.status for path, answer in answers.items()} == {"/engines": 404, "/agents": 404, "/teams": 200}
    assert answers["/agents"].codes == {"_": ["feature_disabled"]}
    assert not {"agents", "engines"} & set(owner.client.get("/auth/me").data["features"])
