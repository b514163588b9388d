"""Queries that would show another organization's rows if the scope forgot one of them.

`READS` give rows, of ours only. `ANSWERS` give exactly this value, as if the others did not exist.
"""

from typing import Any

from peewee import JOIN, SQL, Case, Select, Table, Tuple, ValuesList, fn

from aasim_core.context import system_scope
from aasim_core.data.records import find_or_none
from aasim_core.data.statements import Bind

from .landscape import ITEMS, OTHER, POSTGRES, SQLITE, THEIRS, Country, Item, Landscape, Owner, Renamed, Shape


def _tree(start: Any) -> Any:
    tree = Item.select(Item.id, Item.name).where(start).cte("tree", recursive=True)
    below = Item.select(Item.id, Item.name).join(tree, on=(Item.parent == tree.c.id))
    whole = tree.union_all(below)
    return whole.select_from(whole.c.name)


def _raised(land: Landscape) -> Any:
    their_tree = Item.select(Item.id, Item.parent, Item.name).where(Item.id == land.their_items[1].id).cte("up", recursive=True)
    above = Item.select(Item.id, Item.parent, Item.name).join(their_tree, on=(Item.id == their_tree.c.parent_id))
    whole = their_tree.union_all(above)
    return list(whole.select_from(whole.c.name).tuples())


def _counted() -> Any:
    return Item.select(Item.country, fn.COUNT(Item.id).alias("n")).group_by(Item.country).alias("counted")


def _per_country() -> Any:
    counted = _counted()
    return Country.select(Country.code, counted.c.n).join(counted, on=(counted.c.country == Country.code)).order_by(Country.code)


def _lateral() -> Any:
    best = Item.select(Item.name).where(Item.country == Country.code).order_by(Item.rank.desc()).limit(1).alias("best")
    return Country.select(best.c.name).join(best, JOIN.LEFT_LATERAL).tuples()


def _named(query: Any) -> list[Any]:
    return sorted(row[0] for row in query.tuples())


def _deletion_in_an_expression(land: Landscape) -> Any:
    gone = Item.delete().where(Item.rank > 0).returning(Item.name).cte("gone")
    return Select([gone], [gone.c.name]).with_cte(gone).bind(land.database).tuples()


def _run_elsewhere(land: Landscape) -> Any:
    """A statement compiled for tenants stays confined when a system scope runs it: to no organization at all."""
    statement = land.database.statement(lambda: Item.select(Item.name))
    with system_scope("run a tenants' statement"):
        return statement.run(land.database, {}).fetchall()


READS = [
    Shape("select everything", lambda _: Item.select()),
    Shape("dicts", lambda _: Item.select().dicts()),
    Shape("named tuples", lambda _: Item.select().namedtuples()),
    Shape("iterator", lambda _: Item.select().iterator()),
    Shape("a table without a model", lambda land: ITEMS.select().bind(land.database)),
    Shape("a table with columns and no model", lambda land:
        Table("attack_item", ("id", "name")).select().bind(land.database)),
    Shape("a field that is not named as its column", lambda _: Renamed.select()),
    Shape("an alias of a table without a model", lambda land: ITEMS.alias("x").select().bind(land.database)),
    Shape("a table by another spelling", lambda land: Table("Attack_ITEM").select().bind(land.database), only=SQLITE),
    Shape("a table with its schema", lambda land: Table("attack_item", schema="main").select().bind(land.database)),
    Shape("or", lambda _: Item.select().where((Item.rank == 0) | (Item.rank >= 0))),
    Shape("orwhere", lambda _: Item.select().where(Item.rank == 99).orwhere(Item.rank >= 0)),
    Shape("not", lambda _: Item.select().where(~(Item.rank == 99))),
    Shape("or another organization", lambda _: Item.select().where((Item.organization_id == THEIRS) | (Item.rank >= 0))),
    Shape("raw condition with an or", lambda _: Item.select().where(SQL("1 = 0 OR 1 = 1"))),
    Shape("inner join", lambda _: Item.select(Item, Owner).join(Owner)),
    Shape("inner join on anything", lambda _: Item.select(Item.name, Owner.name).join(Owner, on=(Owner.id != "")).tuples()),
    Shape("left join", lambda _: Owner.select(Owner.name, Item.name).join(Item, JOIN.LEFT_OUTER, on=SQL("1 = 1")).tuples()),
    Shape("right join", lambda _: Item.select(Owner.name).join(Owner, JOIN.RIGHT_OUTER, on=(Item.id == "x")).tuples()),
    Shape("full join", lambda _: Item.select(Item.name, Owner.name).join(Owner, JOIN.FULL_OUTER, on=(Item.name == Owner.name)).tuples()),
    Shape("cross join", lambda _: Item.select(Item.name, Owner.name).join(Owner, JOIN.CROSS).tuples()),
    Shape("left join from a shared table", lambda _: Country.select(Item.name).join(
        Item, JOIN.LEFT_OUTER, on=(Item.country == Country.code)).tuples()),
    Shape("self join over an alias", lambda _: Item.select(Item.name, OTHER.name).join(OTHER, on=(OTHER.rank == Item.rank)).tuples()),
    Shape("alias alone", lambda _: OTHER.select(OTHER.name).tuples()),
    Shape("two sources", lambda _: Item.select(Item.name, Owner.name).from_(Item, Owner).tuples()),
    Shape("a selection built by hand", lambda land: Select([ITEMS], [ITEMS.c.name]).bind(land.database).tuples()),
    Shape("operator join of tables", lambda land: Select([ITEMS * Table("attack_owner", alias="o")], [SQL("o.name")]).bind(
        land.database).tuples()),
    Shape("sub-query in the select list", lambda _: Country.select(
        Country.code, Item.select(fn.MAX(Item.name)).where(Item.country == Country.code)).tuples()),
    Shape("sub-query in a function", lambda _: Country.select(fn.COALESCE(Item.select(fn.MAX(Item.name)), "none")).tuples()),
    Shape("sub-query as source", lambda land: Select([Item.select().alias("i")], [SQL("i.name")]).bind(land.database).tuples()),
    Shape("select_from", lambda _: Item.select(Item.name).alias("i").select_from(SQL("i.name")).tuples()),
    Shape("sub-query of a sub-query", lambda land: Select(
        [Select([Item.select().alias("a")], [SQL("*")]).alias("b")], [SQL("b.name")]).bind(land.database).tuples()),
    Shape("sub-query in a condition", lambda _: Owner.select().where(Owner.id.in_(Item.select(Item.owner)))),
    Shape("sub-query in case", lambda _: Country.select(Case(None, [(SQL("1 = 1"), Item.select(fn.MAX(Item.name)))])).tuples()),
    Shape("sub-query in order by", lambda _: Item.select(Item.name).order_by(
        OTHER.select(fn.COUNT(OTHER.id)).where(OTHER.rank < Item.rank)).tuples()),
    Shape("common table expression", lambda _: Item.select(Item.name).cte("c").select_from(SQL("name")).tuples()),
    Shape("materialized expression", lambda _: Item.select(Item.name).cte("c", materialized=True).select_from(SQL("name")).tuples()),
    Shape("expression of a table without a model", lambda land: ITEMS.select(ITEMS.c.name).bind(land.database).cte("c").select_from(
        SQL("name")).bind(land.database).tuples()),
    Shape("recursive expression", lambda _: _tree(Item.parent.is_null()).tuples()),
    Shape("union all", lambda _: (Item.select(Item.name) + Owner.select(Owner.name)).tuples()),
    Shape("union", lambda _: (Item.select(Item.name) | Owner.select(Owner.name)).tuples()),
    Shape("intersect", lambda _: (Item.select(Item.name) & Item.select(Item.name)).tuples()),
    Shape("except", lambda _: (Item.select(Item.name) - Item.select(Item.name).where(Item.rank == 0)).tuples()),
    Shape("union with its own order and limit", lambda _: (
        Item.select(Item.name).order_by(Item.rank.desc()).limit(9) + Owner.select(Owner.name).limit(9)).order_by(SQL("1")).tuples()),
    Shape("union as source", lambda _: (Item.select(Item.name) | Owner.select(Owner.name)).select_from(SQL("name")).tuples()),
    Shape("window", lambda _: Item.select(Item.name, fn.COUNT(Item.id).over(partition_by=[Item.country])).tuples()),
    Shape("first value of a window", lambda _: Item.select(
        fn.FIRST_VALUE(Item.name).over(order_by=[Item.rank.desc(), Item.name.desc()])).tuples()),
    Shape("group and having", lambda _: Item.select(fn.MAX(Item.name)).group_by(Item.country).having(fn.COUNT(Item.id) > 0).tuples()),
    Shape("distinct", lambda _: Item.select(Item.name).distinct().tuples()),
    Shape("pages", lambda _: Item.select().order_by(Item.rank.desc()).limit(10).offset(0)),
    Shape("join with a list of values", lambda _: Item.select(Item.name).join(
        ValuesList([(0,), (1,)]).alias("v"), on=(Item.rank == SQL("v.column1"))).tuples()),
    Shape("row values", lambda _: Item.select().where(Tuple(Item.rank, Item.country).in_([(0, "DE"), (1, "FR")]))),
    Shape("prefetch", lambda _: [(owner.name, list(owner.items)) for owner in Owner.select().prefetch(Item)]),
    Shape("backref", lambda land: land.our_items[0].owner.items),
    Shape("children", lambda land: land.our_items[0].children),
    Shape("scalars", lambda _: Item.select(Item.name).scalars()),
    Shape("named window of rows to lock", lambda _: Item.select().for_update(skip_locked=True), only=POSTGRES),
    Shape("lateral join", lambda _: _lateral(), only=POSTGRES),
    Shape("distinct on", lambda _: Item.select(Item.name).distinct(Item.country).order_by(Item.country, Item.rank.desc()).tuples(),
          only=POSTGRES),
    Shape("compiled statement", lambda land: land.database.statement(
        lambda: Item.select(Item.name).where(Item.rank >= Bind("rank"))).run(land.database, {"rank": 0}).fetchall()),
    Shape("returning of an update", lambda _: Item.update(rank=5).where(Item.rank >= 0).returning(Item.name).tuples().execute()),
    Shape("returning of a delete", lambda _: Item.delete().where(Item.rank > 0).returning(Item).execute()),
    Shape("deletion in an expression", _deletion_in_an_expression, only=POSTGRES),
]  # fmt: skip


ANSWERS = [
    Shape("count", lambda _: Item.select().count(), 3),
    Shape("count with or", lambda _: Item.select().where((Item.rank == 0) | (Item.rank > 0)).count(), 3),
    Shape("count of a limited query", lambda _: Item.select().limit(100).count(), 3),
    Shape("count of a join", lambda _: Item.select().join(Owner, on=SQL("1 = 1")).count(), 3),
    Shape("sum", lambda _: int(Item.select(fn.SUM(Item.rank)).scalar()), 3),
    Shape("maximum", lambda _: Item.select(fn.MAX(Item.rank)).scalar(), 2),
    Shape("filtered aggregate", lambda _: Item.select(fn.COUNT(Item.id).filter(Item.rank >= 0)).scalar(), 3),
    Shape("count from a table without a model", lambda land: ITEMS.select(fn.COUNT(SQL("*"))).bind(land.database).scalar(
        land.database), 3),
    Shape("groups", lambda _: sorted(Item.select(Item.country, fn.COUNT(Item.id)).group_by(Item.country).tuples()), [("DE", 2), ("FR", 1)]),
    Shape("having", lambda _: list(Item.select(Item.country).group_by(Item.country).having(fn.COUNT(Item.id) > 2)), []),
    Shape("largest window", lambda _: max(row[0] for row in Item.select(fn.COUNT(Item.id).over()).tuples()), 3),
    Shape("join with a grouped sub-query", lambda _: list(_per_country().tuples()), [("DE", 2), ("FR", 1)]),
    Shape("comparison with a sub-query", lambda _: _named(Item.select(Item.name).where(
        Item.rank == OTHER.select(fn.MAX(OTHER.rank)))), ["our item 2"]),
    Shape("exists with their rows", lambda _: Item.select().where(Item.organization_id == THEIRS).exists(), False),
    Shape("correlated exists", lambda _: list(Country.select().where(fn.EXISTS(
        Item.select().where(Item.country == Country.code, Item.name.contains("their"))))), []),
    Shape("in their rows", lambda _: list(Country.select().where(Country.code.in_(
        Item.select(Item.country).where(Item.rank > 2)))), []),
    Shape("not in", lambda _: _named(Country.select(Country.code).where(Country.code.not_in(
        Item.select(Item.country).where(Item.rank > 1)))), ["FR"]),
    Shape("by their id", lambda land: Item.get_or_none(Item.id == land.their_items[0].id), None),
    Shape("by their ids", lambda land: list(Item.select().where(Item.id.in_([item.id for item in land.their_items]))), []),
    Shape("find by their id", lambda land: find_or_none(Item, land.their_items[0].id), None),
    Shape("recursive walk up from their row", _raised, []),
    Shape("recursive walk down from their row", lambda land: list(_tree(Item.id == land.their_items[0].id).tuples()), []),
    Shape("their children", lambda land: list(land.their_items[0].children), []),
    Shape("a statement for all run by one", _run_elsewhere, []),
]  # fmt: skip
