"""The plugin that docs/extend/index.md grows in seven steps does what the page says, when its files are written as they stand there."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.testing import work_off
from aasim_core.testing.selection import only
from aasim_core.testing.world import Person, World

from ..pages import Page, write

GUIDE = Page(Path(__file__).parents[3] / "docs" / "extend" / "index.md")


@pytest.fixture(scope="session")
def plugin_settings(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """The plugin is in a drop-in folder, and on; a note is cut to twenty characters."""
    folder = tmp_path_factory.mktemp("tutorial")
    write(GUIDE.files(), folder, "notes")
    return {**only(["notes"], folder), "notes.longest": 20}


@pytest.fixture
def owner(world: World) -> Person:
    """Somebody who may do everything."""
    return world.organization()


@pytest.mark.long
def test_a_note_is_created_and_found(owner: Person) -> None:
    made = owner.client.post("/notes", {"name": "Shopping", "text": "Bread."})
    assert made.status == 201
    assert made.data["id"].startswith("notes_note_")
    assert [note["name"] for note in owner.client.get("/notes?q=bread").data["items"]] == ["Shopping"]


def test_a_note_that_is_too_long_is_shortened_by_the_job_that_the_listener_enqueues(app: App, owner: Person) -> None:
    note = owner.client.post("/notes", {"name": "Long", "text": "a" * 30}).data
    work_off(app)
    assert owner.client.get(f"/notes/{note['id']}").data["text"] == "a" * 20


def test_a_viewer_sees_notes_and_deletes_none(world: World, owner: Person) -> None:
    note = owner.client.post("/notes", {"name": "Kept"}).data
    viewer = world.member(owner, "viewer")
    assert viewer.client.get(f"/notes/{note['id']}").status == 200
    assert viewer.client.delete(f"/notes/{note['id']}").status == 403
