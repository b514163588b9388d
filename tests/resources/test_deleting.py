"""What others name, or what has records under it, is not deleted, unless its resource says otherwise."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.data import records
from aasim_core.testing.contract import PluginContract
from aasim_core.testing.contract.hints import Hints
from aasim_core.testing.contract.stage import Stage
from aasim_core.testing.selection import only
from aasim_core.testing.world import Person, World

DROPINS = Path(__file__).parent / "dropins"
SHIFTS, SWAPS = "/rota/shifts", "/rota/swaps"


@pytest.fixture(scope="session")
def plugin_settings() -> Mapping[str, Any]:
    """A plugin whose records name each other."""
    return only(["rota"], DROPINS)


@pytest.fixture
def owner(world: World) -> Person:
    """The owner of an organization."""
    return world.organization()


@pytest.fixture
def shift(owner: Person) -> str:
    """The path of a shift."""
    return f"{SHIFTS}/{owner.client.post(SHIFTS, {'name': 'Night'}).data['id']}"


@pytest.fixture
def deleting(app: App, monkeypatch: pytest.MonkeyPatch) -> type:
    """The class of shifts, with a `remove` of its own that looks at nothing."""
    [shifts] = {type(each.resource) for each in app.endpoints if each.template == SHIFTS}
    monkeypatch.setattr(shifts, "remove", lambda self, req, record: records.remove(record))
    return shifts


@pytest.mark.parametrize(
    ("path", "body"),
    [(SWAPS, {"given_id": "{id}"}), (SWAPS, {"given_id": "rota_shift_01h455vb4pex5vsknk084sn02q", "taken_ids": ["{id}"]}),
     ("{shift}/notes", {"name": "Bring a torch"})],
)  # fmt: skip
def test_a_record_that_others_name_or_that_has_records_under_it_is_in_use(
    owner: Person, shift: str, path: str, body: Mapping[str, Any]
) -> None:
    shift_id = shift.rpartition("/")[2]
    filled = {name: [shift_id] if value == ["{id}"] else shift_id if value == "{id}" else value for name, value in body.items()}
    made = owner.client.post(path.format(shift=shift), filled).data
    refused = owner.client.delete(shift)
    assert (refused.status, refused.codes) == (409, {"_": ["in_use"]})
    assert [each["id"] for each in refused.body["errors"]["_"][0]["meta"]["used_by"]] == [made["id"]]
    owner.client.delete(f"{path.format(shift=shift)}/{made['id']}")
    assert owner.client.delete(shift).status == 200


def test_a_record_that_nobody_names_is_deleted_and_what_names_others_too(owner: Person, shift: str) -> None:
    other = owner.client.post(SHIFTS, {"name": "Day"}).data["id"]
    swap = owner.client.post(SWAPS, {"given_id": other}).data["id"]
    assert [owner.client.delete(path).status for path in (shift, f"{SWAPS}/{swap}")] == [200, 200]


def test_a_resource_with_a_remove_of_its_own_decides_itself(owner: Person, shift: str, deleting: type) -> None:
    owner.client.post(f"{shift}/notes", {"name": "Bring a torch"})
    assert owner.client.delete(shift).status == 200


def delete_as_the_contract_does(app: App) -> None:
    stage = Stage(app, Hints())
    PluginContract().test_what_others_name_is_not_deleted_silently(stage, stage.endpoints[f"DELETE {SHIFTS}/{{shift_id}}"])


def test_the_contract_is_content_with_what_is_refused(app: App) -> None:
    delete_as_the_contract_does(app)


def test_the_contract_finds_what_is_deleted_although_others_name_it(app: App, deleting: type) -> None:
    with pytest.raises(pytest.fail.Exception, match=r"while rota_swap\.given_id names the object; it must answer 409 in_use"):
        delete_as_the_contract_does(app)
