"""What records must say: whose their rows are, and what their ids and labels are."""

from typing import Any

import peewee
import pytest

from aasim_core import Record, TenantRecord
from aasim_core.collecting.record_rules import record_flaws
from aasim_core.data.records import Row
from aasim_core.events.log import subject_of
from aasim_core.plugins import Declarations


class Shared(Record):
    """A record that lacks an organization."""

    class Meta:
        table_name = "notes_shared"
        id_prefix = "notes_shared"


class Common(Record):
    """One that all organizations are meant to see."""

    class Meta:
        table_name = "notes_common"
        id_prefix = "notes_common"
        common = True


class Queue(Row):
    """One that no organization sees."""

    class Meta:
        table_name = "notes_queue"
        primary_key = False
        internal = True


class Note(TenantRecord):
    """A record of an organization."""

    title = peewee.TextField()

    class Meta:
        table_name = "notes_note"
        id_prefix = "notes_note"
        label = "title"


def flaws(*models: type[Row], bundled: bool = False) -> list[str]:
    """What is wrong with a plugin `notes` that has these records."""
    return list(record_flaws("notes", Declarations(models=models, bundled=bundled)))


def renamed(**meta: Any) -> type[Row]:
    """A record whose Meta says this."""
    attributes = {"title": peewee.TextField(), "Meta": type("Meta", (), {"table_name": "notes_other", **meta})}
    return type("Other", (TenantRecord,), attributes)


def test_a_record_without_an_organization_is_refused_with_its_line() -> None:
    (flaw,) = flaws(Shared)
    assert flaw.startswith(
        "declares the table notes_shared, whose rows belong to no organization and are seen by all; derive Shared from TenantRecord, "
        "or write common = True in its Meta (collecting/test_record_rules.py:"
    )


def test_a_record_may_say_that_it_is_common_or_internal() -> None:
    assert flaws(Common, Queue, Note) == []


@pytest.mark.parametrize("prefix", ["notes", "notes_note", "notes_a_b"])
def test_the_ids_of_a_plugin_from_elsewhere_begin_with_its_name(prefix: str) -> None:
    assert flaws(renamed(id_prefix=prefix)) == []


@pytest.mark.parametrize("prefix", ["note", "notesnote"])
def test_a_prefix_that_another_author_may_choose_is_refused(prefix: str) -> None:
    (flaw,) = flaws(renamed(id_prefix=prefix))
    assert flaw == f'declares the prefix of ids {prefix}; begin it with the plugin\'s name: id_prefix = "notes_{prefix}"'
    assert flaws(renamed(id_prefix=prefix), bundled=True) == []


@pytest.mark.parametrize("prefix", ["n", "Notes", "notes_", "notes2", "notes_" + "x" * 60])
def test_a_prefix_that_no_id_can_have_is_refused(prefix: str) -> None:
    (flaw,) = flaws(renamed(id_prefix=prefix), bundled=True)
    assert flaw == f"declares the prefix of ids {prefix}; a prefix has 2 to 63 lower-case letters, and underscores between them"


@pytest.mark.long
def test_a_record_without_a_prefix_is_told_one() -> None:
    (flaw,) = flaws(renamed())
    assert flaw == 'declares the table notes_other without a prefix of its ids; write id_prefix = "notes_other" in its Meta'


def test_a_label_that_is_no_field_is_refused() -> None:
    (flaw,) = flaws(renamed(id_prefix="notes", label="titel"))
    assert flaw == 'declares the table notes_other with the label titel, which is no field of Other; did you mean "title"?'


@pytest.mark.parametrize(("title", "label"), [("Shopping", "Shopping"), ("", "notes_note_1")])
def test_events_call_a_record_by_the_field_that_it_names_or_by_its_id(title: str, label: str) -> None:
    assert subject_of(Note(id="notes_note_1", organization_id="organization_1", title=title)).label == label
