"""Which refusals of the database are a value that is taken, and of which field."""

import peewee
import pytest

from aasim_core.http.uniqueness import taken


@pytest.mark.parametrize(("text", "field"), [
    ("UNIQUE constraint failed: agents_agent.organization_id, agents_agent.name", "name"),
    ("UNIQUE constraint failed: index 'agents_agent_live_slug'", "slug"),
    ('duplicate key value violates unique constraint "project_organization_id_key"', "key"),
    ('duplicate key value violates unique constraint "agents_agent_live_name"\nDETAIL:  Key (name)=(my slug) already exists.', "name"),
])  # fmt: skip
def test_the_field_is_the_one_of_the_index(text: str, field: str) -> None:
    refused = taken(("slug", "name", "key"), peewee.IntegrityError(text))
    assert refused is not None
    assert {name: [problem.code for problem in found] for name, found in refused.problems.items()} == {field: ["not_unique"]}


@pytest.mark.parametrize("text", [
    'duplicate key value violates unique constraint "project_pkey"',
    'delete on table "project" violates foreign key constraint "x"\nDETAIL:  Key (id)=(project_key) is still referenced.',
    "FOREIGN KEY constraint failed", "NOT NULL constraint failed: project.key",
])  # fmt: skip
def test_anything_else_is_no_clash(text: str) -> None:
    assert taken(("key", "name"), peewee.IntegrityError(text)) is None
