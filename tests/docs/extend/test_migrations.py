"""The plugin of docs/extend/migrations.md: its values are computed in every organization, and its indexes serve what the page says."""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import peewee
import pytest

from aasim_core.app import App
from aasim_core.context import organization_scope, system_scope
from aasim_core.data.backends.connect import connect
from aasim_core.data.database import Database
from aasim_core.data.migrator.runner import CORE, Source, migrate
from aasim_core.testing.databases import Databases
from aasim_core.testing.selection import only
from aasim_core.testing.tables import differences, history_of
from aasim_core.testing.world import World

from ...test_plugins.contract.test_outside_contract import run_suite
from ..gallery.test_contract import CONTRACT
from ..pages import Page, write

PAGE = Page(Path(__file__).parents[3] / "docs" / "extend" / "migrations.md")
COLUMNS = "id, version, created_at, updated_at, organization_id"
BEGINNING, BETWEEN = "library_book_beginning", "folded >= 'b2999' AND folded < 'b2999\U0010ffff'"
WORDS = "to_tsvector('simple', title) @@ websearch_to_tsquery('simple', 'b2999')"
#: Changes that change something, which the suite cannot know.
CHANGES = '    samples = {f"{method} /library/{{book_id}}": {"title": "Ecology"} for method in ("PUT", "PATCH")}'
Plan = Callable[..., str]


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the plugin."""
    folder = tmp_path_factory.mktemp("library")
    write(PAGE.files(), folder)
    return folder


@pytest.fixture(scope="session")
def plugin_settings(library: Path) -> Mapping[str, Any]:
    """The plugin is on."""
    return only(["library"], library)


@pytest.fixture(scope="session")
def migration_sources(library: Path) -> Sequence[Source]:
    """Its tables are there."""
    return [Source("core", CORE), Source("library", library / "library" / "migrations")]


@pytest.mark.long
def test_books_are_found_by_how_their_titles_begin(world: World) -> None:
    owner, stranger = world.organization(), world.organization("Other")
    for person, titles in ((owner, ("Économie", "ECONOMICS", "Berlin")), (stranger, ("Ecology",))):
        for title in titles:
            person.client.post("/library", {"title": title})
    found = owner.client.get("/library?begins=eco&sort=created_at").data["items"]
    assert [book["title"] for book in found] == ["Économie", "ECONOMICS"]


@pytest.mark.long
def test_titles_of_every_organization_are_folded_by_the_second_half(
    empty_database_url: str, migration_sources: Sequence[Source], tmp_path: Path
) -> None:
    core, library = migration_sources
    shutil.copytree(library.folder, tmp_path / "version_1", ignore=shutil.ignore_patterns("000[23]*"))
    with opened(empty_database_url) as database:
        migrate(database, [core, Source("library", tmp_path / "version_1")])
        fill(database, "'Çà ' || i", "title")
        assert migrate(database, [core, library]) == ["library/0002_folded", "library/0003_fold_titles.post"]
        folded = database.execute_sql("SELECT folded FROM library_book ORDER BY id").fetchall()
    assert {text for (text,) in folded} == {f"ca {number}" for number in range(3_000)}


def test_its_records_mean_what_its_migrations_make(app: App, databases: Databases, migration_sources: Sequence[Source]) -> None:
    records = [model for model in app.models if model._meta.table_name == "library_book"]
    history = history_of(databases, migration_sources, "library", records)
    assert differences(history.migrated, history.meant, "by the migrations", "by the records") == []
    assert differences(history.left, history.before, "after going down", "before") == []


@pytest.mark.long
def test_it_keeps_the_contract(library: Path, tmp_path: Path) -> None:
    (tmp_path / "test_library.py").write_text(CONTRACT.format(plugin="library", folder=library, more=CHANGES))
    outcome = run_suite(tmp_path)
    assert [test for test, passed in outcome.passed["library"].items() if not passed] == [], outcome.printed
    assert len(outcome.passed["library"]) > 30


@contextmanager
def opened(url: str, role: str | None = None) -> Iterator[Database]:
    """The database, connected, for all organizations."""
    database = connect(url, role=role, durability="normal")
    with database.connected(), system_scope("try migrations"):
        yield database
    database.close_all()


def fill(database: Database, values: str, columns: str) -> None:
    """Write three thousand books of three organizations."""
    numbers = "WITH RECURSIVE numbers(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM numbers WHERE i < 2999)"
    ids = "'library_book_' || i, 1, '', '', 'organization_' || (i - i / 3 * 3)"
    database.execute_sql(f"INSERT INTO library_book ({COLUMNS}, {columns}) {numbers} SELECT {ids}, {values} FROM numbers")  # noqa: S608


@pytest.fixture
def plan(database_url: str, app_role: str | None) -> Plan:
    """How the database looks for books of an organization that has a thousand, when the application asks, or a superuser."""
    with opened(database_url) as owner:
        fill(owner, "'B' || i, 'b' || i", "title, folded")
        owner.execute_sql("ANALYZE library_book")

    def explain(condition: str, role: str | None = app_role) -> str:
        with opened(database_url, role) as database, organization_scope("organization_1"):
            how = "EXPLAIN" if isinstance(database, peewee.PostgresqlDatabase) else "EXPLAIN QUERY PLAN"
            asked = f"{how} SELECT * FROM library_book WHERE organization_id = 'organization_1' AND {condition}"  # noqa: S608
            return "\n".join(str(line[-1]) for line in database.execute_sql(asked).fetchall())

    return explain


def test_an_index_serves_the_condition_of_the_page(plan: Plan, database_url: str) -> None:
    is_postgresql = database_url.startswith("postgresql")
    condition, index = ("folded ^@ 'b2999'", BEGINNING) if is_postgresql else (BETWEEN, "library_book_folded")
    assert index in plan(condition)


@pytest.mark.postgres
@pytest.mark.parametrize("databases", ["postgresql"], indirect=True)
def test_what_no_index_serves_in_the_rows_of_an_organization_is_served_when_it_is_declared_to_tell_nothing(
    plan: Plan, database_url: str
) -> None:
    with opened(database_url) as owner:
        owner.execute_sql("CREATE INDEX library_book_words ON library_book USING gin (to_tsvector('simple', title))")
    assert "library_book_words" not in plan(WORDS)
    with opened(database_url) as superuser:
        for statement in PAGE.blocks("sql")[0].split(";")[:-1]:
            superuser.execute_sql(statement)
    assert "library_book_words" in plan(WORDS)


@pytest.mark.postgres
@pytest.mark.parametrize("databases", ["postgresql"], indirect=True)
@pytest.mark.parametrize("condition", ["title LIKE 'B299_'", "lower(title) = 'b2999'", "ARRAY[title] @> ARRAY['B2999']"])
def test_the_operators_of_the_page_are_tried_after_the_organization(plan: Plan, database_url: str, condition: str) -> None:
    with opened(database_url) as owner:
        for number, on in enumerate(("btree (title text_pattern_ops)", "btree (lower(title))", "gin ((ARRAY[title]))")):
            owner.execute_sql(f"CREATE INDEX library_book_more_{number} ON library_book USING {on}")
    assert "library_book_more" in plan(condition, None)
    assert "library_book_more" not in plan(condition)
