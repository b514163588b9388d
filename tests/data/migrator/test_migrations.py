"""Migrations: in order, once, whole or not at all, by one runner at a time, and back again."""

import threading

import pytest

from aasim_core.data.backends.connect import connect
from aasim_core.data.database import Database
from aasim_core.data.migrator.runner import Source, migrate, pending, purge, refuse_pending
from aasim_core.errors import StartupError

from ..conftest import Write


@pytest.fixture
def shop(write: Write) -> Source:
    """Two migrations of one owner."""
    write("shop", "0002_customers", "CREATE TABLE shop_customer (id TEXT)", "DROP TABLE shop_customer")
    return write("shop", "0001_orders", "CREATE TABLE shop_order (id TEXT)", "DROP TABLE shop_order")


def test_migrations_are_applied_in_order_and_once(empty_database: Database, shop: Source, write: Write) -> None:
    bills = write("bills", "0001_bills", "CREATE TABLE bills_bill AS SELECT * FROM shop_customer", "DROP TABLE bills_bill")
    assert migrate(empty_database, [shop, bills]) == ["shop/0001_orders", "shop/0002_customers", "bills/0001_bills"]
    assert migrate(empty_database, [shop, bills]) == []
    write("shop", "0010_more", "CREATE TABLE shop_more (id TEXT)", "DROP TABLE shop_more")
    assert pending(empty_database, [shop, bills]) == ["shop/0010_more"]
    assert migrate(empty_database, [shop, bills]) == ["shop/0010_more"]
    assert {"bills_bill", "shop_customer", "shop_more", "shop_order"} < set(empty_database.get_tables())


@pytest.mark.parametrize(
    ("code", "reason"),
    [("def up(", "SyntaxError: "), ("def up(migrator, db):\n    raise ValueError('no')\n", "ValueError: no; 0003_wrong.py:2")],
)
def test_whose_migration_cannot_be_run_is_said(empty_database: Database, shop: Source, code: str, reason: str) -> None:
    (shop.folder / "0003_wrong.py").write_text(code)
    with pytest.raises(StartupError, match=rf"a migration of shop failed \({reason}"):
        migrate(empty_database, [shop])


def test_a_migration_that_fails_leaves_nothing_and_keeps_those_before(
    empty_database: Database, shop: Source, write: Write
) -> None:
    half = "CREATE TABLE shop_half (id TEXT)", "CREATE TABLE shop_order (id TEXT)"
    body = "".join(f"    db.execute_sql({statement!r})\n" for statement in half)
    (shop.folder / "0003_half.py").write_text(f"def up(migrator, db):\n{body}")
    with pytest.raises(StartupError, match=r"migration shop/0003_half failed .*already exists; 0003_half.py:3\)"):
        migrate(empty_database, [shop])
    assert pending(empty_database, [shop]) == ["shop/0003_half"]
    tables = empty_database.get_tables()
    assert "shop_half" not in tables
    assert "shop_customer" in tables


def test_two_runners_do_not_meet(empty_database_url: str, shop: Source) -> None:
    together, applied = threading.Barrier(3), []

    def run() -> None:
        database = connect(empty_database_url)
        together.wait(60)
        applied.extend(migrate(database, [shop]))
        database.close_all()

    runners = [threading.Thread(target=run) for _ in range(3)]
    for runner in runners:
        runner.start()
    for runner in runners:
        runner.join()
    assert applied == ["shop/0001_orders", "shop/0002_customers"]


def test_an_owner_is_purged_backwards_and_alone(empty_database: Database, shop: Source, write: Write) -> None:
    bills = write("bills", "0001_bills", "CREATE TABLE bills_bill (id TEXT)", "DROP TABLE bills_bill")
    before = set(empty_database.get_tables())
    migrate(empty_database, [shop, bills])
    assert purge(empty_database, shop) == ["shop/0002_customers", "shop/0001_orders"]
    assert set(empty_database.get_tables()) - before == {"core_migration", "bills_bill"}
    assert purge(empty_database, shop) == []
    assert migrate(empty_database, [shop, bills]) == ["shop/0001_orders", "shop/0002_customers"]


def test_an_owner_with_a_similar_name_is_not_touched(empty_database: Database, shop: Source, write: Write) -> None:
    other = write("sho", "0001_sho", "CREATE TABLE sho_sho (id TEXT)", "DROP TABLE sho_sho")
    migrate(empty_database, [shop, other])
    assert purge(empty_database, other) == ["sho/0001_sho"]
    assert pending(empty_database, [shop]) == []


def test_a_migration_without_a_way_down_is_named(empty_database: Database, write: Write) -> None:
    source = write("shop", "0001_orders", "CREATE TABLE shop_order (id TEXT)", "")
    migrate(empty_database, [source])
    with pytest.raises(StartupError, match=r"shop/0001_orders does not define down\(\)"):
        purge(empty_database, source)


def test_a_database_that_is_behind_is_refused(empty_database: Database, shop: Source) -> None:
    with pytest.raises(StartupError, match=r"lacks 2 migrations \(shop/0001_orders, shop/0002_customers\); run: aasim migrate"):
        refuse_pending(empty_database, [shop])
    migrate(empty_database, [shop])
    refuse_pending(empty_database, [shop])


def test_a_database_to_which_a_newer_version_has_added_is_not_refused(empty_database: Database, shop: Source) -> None:
    migrate(empty_database, [shop])
    (shop.folder / "0002_customers.py").unlink()
    refuse_pending(empty_database, [shop])


@pytest.mark.parametrize("phase", ["post", "offline"])
def test_a_database_from_which_a_newer_version_has_removed_is_refused(
    empty_database: Database, shop: Source, write: Write, phase: str
) -> None:
    write("shop", f"0003_orders.{phase}", "DROP TABLE shop_order", "CREATE TABLE shop_order (id TEXT)")
    migrate(empty_database, [shop])
    (shop.folder / f"0003_orders.{phase}.py").unlink()
    with pytest.raises(StartupError, match=rf"has removed from the database what this one needs \(shop/0003_orders.{phase}\)"):
        refuse_pending(empty_database, [shop])


def test_what_is_pending_can_be_asked_without_a_connection(empty_database_url: str, shop: Source) -> None:
    database = connect(empty_database_url)
    assert len(pending(database, [shop])) == 2
    database.close_all()


@pytest.mark.postgres
@pytest.mark.parametrize("databases", ["postgresql"], indirect=True)
def test_a_migration_may_take_longer_than_a_request(empty_database_url: str, write: Write) -> None:
    slow = write("slow", "0001_slow", "SELECT pg_sleep(2)", "SELECT 1")
    database = connect(empty_database_url, statement_seconds=1)
    assert migrate(database, [slow]) == ["slow/0001_slow"]
    with database.connected():
        assert database.execute_sql("SHOW statement_timeout").fetchone() == ("1s",)
    database.close_all()
