"""Which way imports go, and where SQL and transactions may stand; what breaks a rule is told what to do instead."""

import ast
import re
from collections.abc import Iterator

import pytest

from .docs.reference.python import place_of
from .sources import BUNDLED, CORE, CORE_SOURCES, PLUGIN_SOURCES, PUBLIC, ROOT, Import, Source

#: What each file of a plugin may not import from its own plugin; files with other names are free.
FORBIDDEN_WITHIN = {
    "models": {"schemas", "service", "api", "jobs", "listeners"},
    "schemas": {"service", "api", "jobs", "listeners"},
    "service": {"api", "jobs", "listeners"},
    "api": {"jobs", "listeners"},
    "jobs": {"api", "listeners", "schemas"},
    "listeners": {"api", "jobs", "schemas"},
}
#: What a plugin may use of one that it requires.
OFFERED = {"models", "service", "hookspecs", "resources"}
#: The files of a plugin that know nothing of HTTP, and the folders of the core that are about it.
WITHOUT_HTTP = {"models", "service", "jobs", "listeners", "hookspecs"}
HTTP = tuple(f"{CORE}.{folder}" for folder in ("builtin", "http", "openapi", "resources", "serving"))

#: The plugins that are the core's own face, and so import what stands behind it.
FACES = set("activities api_keys auth dashboard metrics organizations permissions roles sessions teams users".split())
#: What other plugins import beside; this list only gets shorter.
BESIDE = {
    "budgets": {"identity.records"},
    "executions": {"data.database"},
    "hitl_approvals": {"access.grants", "identity.records"},
    "subscriptions": {"settings.building", "settings.sources"},
    "webhooks": {"access.grants"},
}

#: Files that run SQL of their own, each with its reason; everything else speaks peewee.
SQL_OUTSIDE_DATA = {
    "aasim_core/testing/statements.py": "lets the database count what is in its tables, which shows nobody's rows"
}
#: A fragment with one of these reads a table that the tenant scope does not see.
READS_A_TABLE = re.compile(r"\b(select|from|join|into|update|delete)\b", re.IGNORECASE)


def _calls(source: Source) -> Iterator[tuple[ast.Call, str]]:
    """Every call, with the last part of the called name."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call):
            yield node, node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _runs_sql(call: ast.Call, name: str) -> bool:
    """Whether the call runs SQL, or makes a fragment that is put together or reads a table."""
    if name == "SQL":
        text = call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else None
        return text is None or bool(READS_A_TABLE.search(str(text)))
    return name in ("execute_sql", "raw")


def _plugin_of(source: Source) -> str:
    return source.parts[1] if len(source.parts) > 1 else ""


def _manifest_names(plugin: str, key: str) -> set[str]:
    """What the manifest of `plugin` names in `requires` or `uses`, read without importing it."""
    (source,) = [source for source in PLUGIN_SOURCES if source.module == f"{BUNDLED}.{plugin}"]
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Plugin":
            return {name for keyword in node.keywords if keyword.arg == key for name in ast.literal_eval(keyword.value)}
    return set()


def test_the_core_imports_no_plugin() -> None:
    broken = [
        f"{source.at(found.line)} imports {found.module}; offer a hook in aasim_core/hookspecs.py, and implement it in the plugin"
        for source in CORE_SOURCES
        for found in source.imports
        if found.module.partition(".")[0] in (BUNDLED, "plugins")
    ]
    assert not broken, "\n".join(broken)


def _is_public(module: str) -> bool:
    return module in PUBLIC or any(module.startswith(name) or f"{module}." == name for name in PUBLIC if name.endswith("."))


def _beyond_public() -> Iterator[tuple[Source, Import, str]]:
    """What plugins import of the core that is not public, by its name there."""
    for source in PLUGIN_SOURCES:
        for found in source.imports:
            inside = found.module.removeprefix(f"{CORE}.")
            if found.module.startswith(f"{CORE}.") and _plugin_of(source) not in FACES and not _is_public(inside):
                yield source, found, inside


def test_a_plugin_imports_what_is_public_of_the_core() -> None:
    broken = [
        f"{source.at(found.line)} imports {found.module}, which is not public: docs/extend/modules.md lists what is"
        for source, found, inside in _beyond_public()
        if inside not in BESIDE.get(_plugin_of(source), set())
    ]
    assert not broken, "\n".join(broken)


def test_what_plugins_import_beside_what_is_public_is_still_imported() -> None:
    found: dict[str, set[str]] = {}
    for source, _, inside in _beyond_public():
        found.setdefault(_plugin_of(source), set()).add(inside)
    assert found == BESIDE


def test_the_page_on_modules_lists_those_that_are_public() -> None:
    page = (ROOT / "docs" / "extend" / "modules.md").read_text(encoding="utf-8")
    rows = []
    for name in PUBLIC:
        (source,) = [source for source in CORE_SOURCES if source.module == f"{CORE}.{name}".rstrip(".")]
        summary = (ast.get_docstring(source.tree) or "").partition("\n\n")[0].replace("\n", " ")
        title = f"`{source.module}{'.*' if name.endswith('.') else ''}`"
        rows.append(f"| [{title}](../reference/{place_of(source)}) | {summary} |")
    assert [line for line in page.splitlines() if line.startswith(f"| [`{CORE}.")] == rows


def test_a_plugins_files_import_one_way() -> None:
    broken = [
        f"{source.at(found.line)}: {source.parts[2]}.py imports {found.module.split('.')[2]}.py; imports go "
        "models, schemas -> service -> api, jobs, listeners -> __init__: move what both need into service.py or models.py"
        for source in PLUGIN_SOURCES
        for found in source.imports
        if len(source.parts) == 3 and found.module.startswith(f"{BUNDLED}.{_plugin_of(source)}.")
        if found.module.split(".")[2] in FORBIDDEN_WITHIN.get(source.parts[2], set())
    ]
    assert not broken, "\n".join(broken)


def test_a_plugins_inner_files_do_not_know_http() -> None:
    broken = [
        f"{source.at(found.line)}: {source.parts[2]}.py imports {found.module}; HTTP belongs in api.py"
        for source in PLUGIN_SOURCES
        for found in source.imports
        if len(source.parts) > 2 and source.parts[2] in WITHOUT_HTTP and not found.for_types
        if found.module.partition(".")[0] == "falcon" or found.module.startswith(HTTP)
    ]
    assert not broken, "\n".join(broken)


def test_plugins_import_each_other_relatively() -> None:
    broken = [
        f"{source.at(found.line)} imports {found.module}; inside plugins/ write a relative import: from ..agents.service import …"
        for source in PLUGIN_SOURCES
        for found in source.imports
        if not found.relative and found.module.partition(".")[0] in (BUNDLED, "plugins")
    ]
    assert not broken, "\n".join(broken)


def test_a_plugin_uses_only_what_another_one_offers() -> None:
    broken = [
        f"{source.at(found.line)} imports {found.module}; of another plugin use only {', '.join(sorted(OFFERED))}: "
        "re-export it there, or ask its plugin for it"
        for source, found, _ in _imports_between_plugins()
        if len(found.module.split(".")) < 3 or found.module.split(".")[2] not in OFFERED
    ]
    assert not broken, "\n".join(broken)


def test_a_plugin_imports_only_plugins_that_it_requires() -> None:
    broken = []
    for source, found, other in _imports_between_plugins():
        plugin = _plugin_of(source)
        allowed = _manifest_names(plugin, "requires")
        used = source.parts[-1].removeprefix("with_")
        if used in _manifest_names(plugin, "uses"):
            allowed |= {used, *_manifest_names(used, "requires")}
        if other not in allowed:
            broken.append(
                f"{source.at(found.line)} imports {found.module}; add {other!r} to `requires` in the manifest of {plugin}, "
                f"or to `uses`, and move the import into with_{other}.py"
            )
    assert not broken, "\n".join(broken)


def _imports_between_plugins() -> Iterator[tuple[Source, Import, str]]:
    for source in PLUGIN_SOURCES:
        for found in source.imports:
            parts = found.module.split(".")
            if parts[0] == BUNDLED and len(parts) > 1 and parts[1] != _plugin_of(source):
                yield source, found, parts[1]


def test_migrations_import_nothing_of_their_plugin() -> None:
    broken = [
        f"{source.at(found.line)} imports {found.module}; a migration holds its own frozen copies of the records that it changes"
        for source in [*CORE_SOURCES, *PLUGIN_SOURCES]
        for found in source.imports
        if "migrations" in source.parts[1:-1]
        if found.relative or found.module.endswith((".models", ".records"))
    ]
    assert not broken, "\n".join(broken)


def test_transactions_are_ours() -> None:
    broken = [
        f"{source.at(call.lineno)} calls {name}(), which begins DEFERRED and dies under contention; "
        "write: with app.database.transaction():"
        for source in [*CORE_SOURCES, *PLUGIN_SOURCES]
        for call, name in _calls(source)
        if name in ("atomic", "manual_commit", "savepoint") and source.parts[:2] != (CORE, "data")
    ]
    assert not broken, "\n".join(broken)


def test_sql_is_run_in_the_data_layer_only() -> None:
    broken = [
        f"{source.at(call.lineno)} calls {name}() with what the tenant scope does not see into; write it with peewee's queries, "
        "or list the file with its reason in SQL_OUTSIDE_DATA"
        for source in [*CORE_SOURCES, *PLUGIN_SOURCES]
        for call, name in _calls(source)
        if _runs_sql(call, name) and source.parts[:2] != (CORE, "data") and "migrations" not in source.parts
        if str(source.path.relative_to(ROOT)) not in SQL_OUTSIDE_DATA
    ]
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize("listed", sorted(SQL_OUTSIDE_DATA))
def test_a_file_listed_for_its_sql_has_some(listed: str) -> None:
    (source,) = [source for source in [*CORE_SOURCES, *PLUGIN_SOURCES] if source.path == ROOT / listed]
    assert any(_runs_sql(*found) for found in _calls(source)), f"{listed} runs no SQL any more; take it off the list"


def test_a_module_does_nothing_when_it_is_imported() -> None:
    # peewee's way to declare an index is a call.
    broken = [
        f"{source.at(node.lineno)} runs {ast.unparse(node)[:60]} when it is imported; put it into a function"
        for source in [*CORE_SOURCES, *PLUGIN_SOURCES]
        for node in source.tree.body
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and source.path.name != "__main__.py"
        if not ast.unparse(node.value.func).endswith(".add_index")
    ]
    assert not broken, "\n".join(broken)
