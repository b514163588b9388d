"""Settings that each organization makes for itself."""

import pytest

from aasim_core.context import organization_scope
from aasim_core.schemas.fields import Integer, Text
from aasim_core.tenancy.organization_settings import OrganizationSetting, OrganizationSettings
from aasim_core.testing.world import World

DECLARED = {"notes": (OrganizationSetting("keep_days", Integer(1, 100, load_default=30)),)}


def test_what_was_not_settled_has_its_default() -> None:
    assert OrganizationSettings(DECLARED).completed({}) == {"notes": {"keep_days": 30}}


def test_what_was_kept_of_a_plugin_that_is_off_is_not_shown() -> None:
    kept = {"notes": {"keep_days": 7}, "gone": {"size": 1}}
    assert OrganizationSettings(DECLARED).completed(kept) == {"notes": {"keep_days": 7}}


def test_a_setting_without_a_default_says_so() -> None:
    settings = OrganizationSettings({"notes": (OrganizationSetting("title", Text()),)})
    with pytest.raises(LookupError, match="load_default"):
        settings.completed({})


def test_a_plugin_reads_what_an_organization_has_settled(world: World) -> None:
    owner, other = world.organization("Acme"), world.organization("Other")
    path = f"/organizations/{owner.organization_id}"
    assert owner.client.patch(path, {"settings": {"api_keys": {"max_age_days": 30}}}).status == 200
    for person, days in ((owner, 30), (other, 365)):
        with organization_scope(person.organization_id):
            assert world.app.organization_settings.of(person.organization_id, "api_keys") == {"max_age_days": days}


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"api_keys": {"max_age_days": 0}}, "settings.api_keys.max_age_days"),
        ({"api_keys": {"max_days": 1}}, "settings.api_keys.max_days"),
        ({"no_such_plugin": {}}, "settings.no_such_plugin"),
        ({"api_keys": 1}, "settings.api_keys"),
    ],
)
def test_a_bad_setting_is_named_by_its_path(world: World, settings: object, field: str) -> None:
    owner = world.organization("Acme")
    refused = owner.client.patch(f"/organizations/{owner.organization_id}", {"settings": settings})
    assert list(refused.codes) == [field]
