"""Statements that would change another organization's rows, or make rows for it, if the scope forgot one of them.

`WRITES` touch so many of our rows, and none of theirs. `REFUSED` raise `ScopeViolation` (whether they write or read).
"""

from typing import Any

import peewee
from peewee import SQL, Case, Entity, Select, Value, fn

from aasim_core.context import organization_scope, system_scope
from aasim_core.data.records import change, create, insert

from .landscape import ITEMS, OTHER, OURS, THEIRS, Item, Landscape, Owner, Renamed, Shape

VALUES = {"slug": "new", "name": "our new item", "rank": 9, "country": "DE"}


def _upsert(**options: Any) -> Any:
    row = {**VALUES, "slug": "their-0", "id": "item_new"}
    return Item.insert(row).on_conflict(conflict_target=(Item.slug,), **options)


def _renamed(item: Item) -> Item:
    item.name = "our renamed item"
    return item


def _moved(item: Item) -> Item:
    item.organization_id = THEIRS
    return item


WRITES = [
    Shape("update everything", lambda _: Item.update(name="x").execute(), 3),
    Shape("update with or", lambda _: Item.update(name="x").where((Item.rank == 0) | (Item.rank > 0)).execute(), 3),
    Shape("update with orwhere", lambda _: Item.update(name="x").where(Item.rank == 99).orwhere(Item.rank >= 0).execute(), 3),
    Shape("update with a raw condition", lambda _: Item.update(name="x").where(SQL("1 = 0 OR 1 = 1")).execute(), 3),
    Shape("update by their id", lambda land: Item.update(name="x").where(Item.id == land.their_items[0].id).execute(), 0),
    Shape("update by a sub-query", lambda _: Item.update(name="x").where(Item.id.in_(OTHER.select(OTHER.id))).execute(), 3),
    Shape("update by a sub-query of the same table", lambda _:
        Item.update(name="x").where(Item.id.in_(Item.select(Item.id))).execute(), 3),
    Shape("update from another table", lambda _: Item.update(name=Owner.name).from_(Owner).where(Owner.id != "").execute(), 3),
    Shape("update to a sub-query", lambda _: Item.update(name=Owner.select(fn.MAX(Owner.name))).execute(), 3),
    Shape("update of a table without a model", lambda land: ITEMS.update({ITEMS.c.name: "x"}).bind(land.database).execute(), 3),
    Shape("update to the same organization", lambda _: Item.update(organization_id=OURS).execute(), 3),
    Shape("delete everything", lambda _: Item.update(parent=None).execute() and Item.delete().execute(), 3),
    Shape("delete with or", lambda _: Item.delete().where((Item.rank == 1) | (Item.rank > 1)).execute(), 2),
    Shape("delete with a raw condition", lambda _: Item.delete().where(SQL("rank = 1 OR rank > 1")).execute(), 2),
    Shape("delete by a sub-query", lambda _: Item.delete().where(Item.id.in_(OTHER.select(OTHER.id).where(OTHER.rank > 0))).execute(), 2),
    Shape("delete by their ids", lambda land: Item.delete().where(Item.id.in_([i.id for i in land.their_items])).execute(), 0),
    Shape("delete from a table without a model", lambda land: ITEMS.delete().where(ITEMS.c.rank > 0).bind(land.database).execute(), 2),
    Shape("delete their record", lambda land: land.their_items[1].delete_instance(), 0),
    Shape("delete their record and what hangs on it", lambda land: land.their_items[0].delete_instance(recursive=True), 0),
    Shape("bulk update of their records", lambda land: Item.bulk_update(land.their_items, fields=[Item.name]), 0),
    Shape("bulk update of ours", lambda land: Item.bulk_update(land.our_items, fields=[Item.name]), 3),
    Shape("insert ignoring their row", lambda _:
        Item.insert({**VALUES, "slug": "their-0"}).on_conflict_ignore().as_rowcount().execute(), 0),
    Shape("upsert over their row", lambda _: _upsert(update={Item.name: "x"}).as_rowcount().execute(), 0),
    Shape("upsert that keeps columns", lambda _: _upsert(preserve=[Item.name]).as_rowcount().execute(), 0),
    Shape("upsert with its own condition", lambda _: _upsert(
        update={"name": "x"}, where=(Item.rank == 0) | SQL("1 = 1")).as_rowcount().execute(), 0),
    Shape("upsert over ours", lambda _: Item.insert({**VALUES, "slug": "our-0"}).on_conflict(
        conflict_target=(Item.slug,), update={Item.name: "x"}, where=(Item.rank == 0)).as_rowcount().execute(), 1),
    Shape("insert a dict", lambda _: Item.insert(VALUES).as_rowcount().execute(), 1),
    Shape("insert many", lambda _: Item.insert_many([VALUES, {**VALUES, "slug": "newer"}]).as_rowcount().execute(), 2),
    Shape("bulk create", lambda _: Item.bulk_create([Item(**VALUES)]) or 1, 1),
    Shape("get or create", lambda _: int(Item.get_or_create(slug="new", defaults=VALUES)[1]), 1),
    Shape("create", lambda _: int(bool(create(Item, **VALUES))), 1),
    Shape("save a new record", lambda _: Item(**VALUES).save(force_insert=True), 1),
    Shape("save a changed record", lambda land: _renamed(land.our_items[0]).save(), 1),
]  # fmt: skip


class Stray(Item):
    """A record whose default names another organization."""

    organization_id = peewee.TextField(default=THEIRS)

    class Meta:
        table_name = "attack_item"


def _compiled_for_all(land: Landscape) -> Any:
    with system_scope("compile for all"):
        statement = land.database.statement(Item.select)
    return statement.run(land.database, {})


def _copied(item: Item) -> Item:
    return Item(**{**item.__data__, "id": "item_copy", "slug": "copy"})


def _scope_of_the_inner(land: Landscape) -> Any:
    with organization_scope(THEIRS):
        query = Item.insert({**VALUES, "organization_id": THEIRS})
    return query.execute()


RAW = [
    "SELECT * FROM attack_item",
    "select * from Attack_Item",
    'SELECT * FROM "attack_item"',
    "SELECT * FROM [attack_item]",
    "SELECT * FROM `attack_item`",
    "SELECT * FROM 'attack_item'",
    "SELECT*FROM/**/attack_item/**/WHERE 1=1",
    "SELECT * FROM -- a comment\n attack_item",
    "SELECT * FROM main.attack_item",
    "SELECT * FROM public.attack_item",
    'SELECT * FROM "public"."attack_item"',
    'SELECT * FROM "public" . "attack_item"',
    "SELECT * FROM ONLY attack_item",
    "SELECT * FROM (attack_item)",
    "SELECT a.name FROM attack_item AS a",
    "SELECT attack_item.name FROM attack_item",
    "SELECT * FROM attack_country, attack_owner",
    "SELECT (SELECT max(name) FROM attack_item)",
    "WITH a AS (SELECT * FROM attack_item) SELECT * FROM a",
    "SELECT 1 WHERE EXISTS (SELECT 1 FROM attack_item WHERE attack_item.rank = 4)",
    "SELECT code FROM attack_country UNION SELECT name FROM attack_item",
    "SELECT * FROM attack_item WHERE organization_id = 'organization_ours' OR 1 = 1",
    "TABLE attack_item",
    "DELETE FROM attack_item",
    "UPDATE attack_item SET name = 'x'",
    "UPDATE attack_item SET organization_id = 'organization_ours'",
    "TRUNCATE attack_item",
    "DROP TABLE attack_item",
    "CREATE TABLE stolen AS SELECT * FROM attack_item",
    "CREATE VIEW stolen AS SELECT * FROM attack_item",
]

REFUSED = [
    *(Shape(f"raw: {sql}", lambda land, sql=sql: land.database.execute_sql(sql)) for sql in RAW),
    Shape("raw with our organization as parameter", lambda land: land.database.execute_sql(
        "SELECT * FROM attack_item WHERE organization_id = ? OR 1 = 1", (OURS,))),
    Shape("raw query of a model", lambda _: list(Item.raw("SELECT * FROM attack_item"))),
    Shape("raw query with our organization as parameter", lambda land: list(
        Item.raw("SELECT * FROM attack_item WHERE organization_id = ? OR 1 = 1", OURS))),
    Shape("raw query", lambda land: peewee.RawQuery("SELECT * FROM attack_item").bind(land.database).execute()),
    Shape("raw source", lambda land: list(Select([SQL("attack_item")], [SQL("*")]).bind(land.database))),
    Shape("entity as source", lambda land: list(Select([Entity("attack_item")], [SQL("*")]).bind(land.database))),
    Shape("entity with a schema as source", lambda land: list(Select([Entity("main", "attack_item")], [SQL("*")]).bind(land.database))),
    Shape("raw sub-query in a condition", lambda _: list(Item.select().where(SQL("id IN (SELECT id FROM attack_item)")))),
    Shape("raw sub-query beside our organization", lambda _: list(
        Item.select().where(Item.organization_id == OURS, SQL("EXISTS (SELECT 1 FROM attack_owner)")))),
    Shape("raw sub-query in the select list", lambda _: list(Item.select(SQL("(SELECT max(name) FROM attack_owner)")))),
    Shape("raw sub-query in order by", lambda _: list(Item.select().order_by(SQL("(SELECT count(*) FROM attack_owner)")))),
    Shape("raw sub-query in having", lambda _: list(Item.select(Item.country).group_by(Item.country).having(
        SQL("count(*) < (SELECT count(*) FROM attack_item)")))),
    Shape("raw sub-query in a join", lambda _: list(Item.select().join(Owner, on=SQL("EXISTS (SELECT 1 FROM attack_item)")))),
    Shape("raw sub-query as a value", lambda _: Item.update(name=SQL("(SELECT max(name) FROM attack_owner)")).execute()),
    Shape("raw sub-query in an insert", lambda _: Item.insert({**VALUES, "name": SQL("(SELECT max(name) FROM attack_item)")}).execute()),
    Shape("raw sub-query in one row of many", lambda _: Item.insert_many([
        {**VALUES, "organization_id": OURS}, {**VALUES, "slug": "b", "name": SQL("(SELECT max(name) FROM attack_item)")}]).execute()),
    Shape("raw condition that leaves an update's brackets", lambda _: Item.update(name="x").where(SQL("1 = 1) OR (1 = 1")).execute()),
    Shape("raw condition that leaves a delete's brackets", lambda _: Item.delete().where(SQL("1 = 1) OR 1 = 1 /*")).execute()),
    Shape("raw condition that leaves an upsert's brackets", lambda _: _upsert(
        update={Item.name: "x"}, where=SQL("1 = 1) OR (1 = 1")).execute()),
    Shape("statement for all", _compiled_for_all),
    Shape("statement with a raw sub-query", lambda land: land.database.statement(
        lambda: Item.select().where(SQL("id IN (SELECT id FROM attack_item)"))).run(land.database, {})),
    Shape("insert for others: keywords", lambda _: Item.insert(**VALUES, organization_id=THEIRS).execute()),
    Shape("insert for others: dict by name", lambda _: Item.insert({**VALUES, "organization_id": THEIRS}).execute()),
    Shape("insert for others: dict by field", lambda _: Item.insert({**VALUES, Item.organization_id: THEIRS}).execute()),
    Shape("insert for others: second of many", lambda _: Item.insert_many(
        [VALUES, {**VALUES, "slug": "b", "organization_id": THEIRS}]).execute()),
    Shape("insert for others: generated rows", lambda _: Item.insert_many(
        {**VALUES, "organization_id": THEIRS} for _ in range(1)).execute()),
    Shape("insert for others: tuples", lambda _: Item.insert_many(
        [("a", THEIRS, "a", 1, "DE")], fields=[Item.slug, Item.organization_id, Item.name, Item.rank, Item.country]).execute()),
    Shape("insert for others: columns", lambda land: ITEMS.insert(
        [("a", THEIRS)], columns=[ITEMS.c.id, ITEMS.c.organization_id]).bind(land.database).execute()),
    Shape("insert for others: another spelling", lambda land:
        ITEMS.insert({ITEMS.c.ORGANIZATION_ID: THEIRS}).bind(land.database).execute()),
    Shape("insert for others: raw value", lambda _: Item.insert({**VALUES, "organization_id": SQL(f"'{THEIRS}'")}).execute()),
    Shape("insert for others: wrapped value", lambda _: Item.insert({**VALUES, "organization_id": Value(THEIRS)}).execute()),
    Shape("insert for others: entity as column", lambda land:
        ITEMS.insert({Entity("organization_id"): THEIRS}).bind(land.database).execute()),
    Shape("insert for others: by default", lambda land: Stray.insert(VALUES).bind(land.database).execute(land.database)),
    Shape("insert for others: create", lambda _: create(Item, **VALUES, organization_id=THEIRS)),
    Shape("insert for others: their record", lambda land: insert(_copied(land.their_items[0]))),
    Shape("insert for others: save", lambda _: Item(**VALUES, organization_id=THEIRS).save(force_insert=True)),
    Shape("insert for others: bulk create", lambda _: Item.bulk_create([Item(**VALUES, organization_id=THEIRS)])),
    Shape("insert for others: a field not named as its column", lambda _: Renamed.insert(id="x", name="x", organization=THEIRS).execute()),
    Shape("insert for others: such fields by name", lambda _:
        Renamed.insert_many([{"id": "x", "name": "x", "organization": THEIRS}]).execute()),
    Shape("move: a field not named as its column", lambda _: Renamed.update(organization=THEIRS).execute()),
    Shape("insert from a query", lambda _: Item.insert_from(OTHER.select(OTHER.slug), [Item.slug]).execute()),
    Shape("insert from raw SQL", lambda _: Item.insert_many(SQL("SELECT 1"), fields=[Item.slug]).execute()),
    Shape("replace", lambda _: Item.replace({**VALUES, "slug": "their-0"}).execute()),
    Shape("replace many", lambda _: Item.replace_many([{**VALUES, "slug": "their-0"}]).execute()),
    Shape("replace on conflict", lambda _: Item.insert({**VALUES, "slug": "their-0"}).on_conflict("REPLACE").execute()),
    Shape("replace by another spelling", lambda _: Item.insert({**VALUES, "slug": "their-0"}).on_conflict("replace ").execute()),
    Shape("upsert that moves", lambda _: _upsert(update={Item.organization_id: OURS}).execute()),
    Shape("upsert that moves by name", lambda _: _upsert(update={"organization_id": OURS}).execute()),
    Shape("upsert that keeps the organization", lambda _: _upsert(preserve=[Item.organization_id]).execute()),
    Shape("move: keyword", lambda _: Item.update(organization_id=THEIRS).execute()),
    Shape("move: field", lambda _: Item.update({Item.organization_id: THEIRS}).execute()),
    Shape("move: name", lambda _: Item.update({"organization_id": THEIRS}).execute()),
    Shape("move: column", lambda land: ITEMS.update({ITEMS.c.organization_id: THEIRS}).bind(land.database).execute()),
    Shape("move: another spelling", lambda land: ITEMS.update({ITEMS.c.Organization_ID: THEIRS}).bind(land.database).execute()),
    Shape("move: entity", lambda land: ITEMS.update({Entity("organization_id"): THEIRS}).bind(land.database).execute()),
    Shape("move: sub-query", lambda _: Item.update(organization_id=Owner.select(fn.MAX(Owner.organization_id))).execute()),
    Shape("move: case", lambda _: Item.update(organization_id=Case(None, [(Item.rank == 0, THEIRS)], OURS)).execute()),
    Shape("move: save", lambda land: _moved(land.our_items[0]).save()),
    Shape("move: change", lambda land: change(land.our_items[0], {"organization_id": THEIRS})),
    Shape("move: bulk update", lambda land: Item.bulk_update([_moved(land.our_items[0])], fields=[Item.organization_id])),
    Shape("save their record", lambda land: land.their_items[0].save()),
    Shape("empty the table", lambda _: Item.truncate_table()),
    Shape("drop the table", lambda _: Item.drop_table()),
    Shape("copy into another table", lambda land: Item._schema.create_table_as("stolen", SQL("SELECT * FROM attack_item"))),
    Shape("ask for the columns", lambda land: land.database.execute_sql('PRAGMA table_info("attack_item")')),
    Shape("scope left by the inner one", _scope_of_the_inner),
]  # fmt: skip
