"""Check that the tables created by migrations have the columns that records declare."""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TYPE_CHECKING

from ..plugins.declarations import table_of
from ..plugins.failures import did_you_mean, place_of
from ..plugins.registry import Plugins

if TYPE_CHECKING:
    from ..data.records import Row


def table_flaws(
    plugins: Plugins,
    names: Collection[str],
    models: Collection["type[Row]"],
    columns: Callable[[str], Mapping[str, bool]],
    *,
    midway: bool = False,
    half: str = "",
    applied: bool = False,
) -> dict[str, str]:
    """Return a phrase for each of the plugins `names` whose records and tables differ.

    `models` are the records of all plugins. `columns` returns the columns of a table, each with whether every new row must give it a value;
    none for a missing table. `midway` through an upgrade, a table may have columns that its record lacks, if rows can be written without
    them. `half` names the half of the migrations, if not both. `applied` says that the tables are those of the installation's database.
    """
    tables = {plugin.name: plugin.provides.tables for plugin in plugins.found if plugin.name in names}
    by_table = {table_of(model): model for model in models}
    found = {
        name: [flaw for table in own for flaw in _flaws(by_table[table], columns(table), midway, _missing(name, half, applied))]
        for name, own in tables.items()
    }
    return {name: "; ".join(flaws) for name, flaws in found.items() if flaws}


def _missing(plugin: str, half: str, applied: bool) -> str:
    """Return why a table or a column is missing, and what to do; ``{what}`` stands for what the migration does with it."""
    if half:  # makemigration compares what both halves make
        return f"which no migration{half} makes; write one{{what}}"
    write = f"write one{{what}}, with aasim plugins makemigration {plugin}"
    if applied:
        return (
            f"which the database does not have; a migration that was applied is not run again, so leave it as it was and {write}"
        )
    return f"which no migration makes; {write}"


def _flaws(model: "type[Row]", made: Mapping[str, bool], midway: bool, missing: str) -> Iterator[str]:
    table, place, meant = table_of(model), place_of(model), model._meta.columns
    if not made:
        yield f"declares the table {table}, {missing.format(what='')}{place}"
        return
    for column in sorted(meant.keys() - made.keys()):
        near = did_you_mean(column, made.keys() - meant.keys())
        yield f"declares the column {column} of {table}, {missing.format(what=' that adds it')}{near}{place}"
    for column in sorted(made.keys() - meant.keys()):
        advice = f"declare the field in {model.__name__}, or write a migration that drops it"
        if not midway:
            yield f"makes the column {column} of {table} by a migration, and its record does not have it; {advice}{place}"
        elif made[column]:
            without = f"cannot write rows of {table} while the column {column} is there, which is not null and has no default"
            yield f"{without}; declare the field in {model.__name__}, or drop the column in a migration NNNN_what.offline.py{place}"
