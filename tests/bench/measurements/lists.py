"""The lists of users, projects and activities: what they cost with many rows in two organizations, and beside the floor."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from urllib.parse import quote

from ..contestants import shape
from ..contestants.aasim import Aasim, email, login
from ..contestants.floor.seed import admit
from ..contestants.floor.store import SCHEMA, open_store
from ..contestants.handmade import FLOOR_OF_LISTS, Service
from ..databases import Database, fresh, settle
from ..load import generator
from ..load.web import call
from ..probe import connected
from ..reporting.findings import Finding, Goal, Measurement, found
from .growth import cost, turns
from .multiply import multiply
from .rounds import Options

FEW, MANY = 10_000, 100_000
LISTS = ("users", "projects", "activities")
#: The caller's organization of few rows, that of many rows, and a neighbour of as many.
_SIZES = {shape.READER: FEW, shape.OTHER: MANY, shape.WRITER: MANY}
_PAGE = 25
_HASH = f"'{'0' * 64}'"
_MOMENTS = {"created_at": "{moment}", "updated_at": "{moment}"}


def measure(kind: str, options: Options) -> Measurement:
    """All three lists on one kind of database."""
    aasim = Aasim(rows=0)
    with ExitStack() as stack:
        database = stack.enter_context(fresh(kind, "lists"))
        options.progress(f"{kind}: filling a database of {sum(_SIZES.values()):,} users, projects and activities")
        aasim.prepare(database)
        service = stack.enter_context(aasim.serving(database))
        _plant(service)
        organizations = _organizations(database)
        for number, (organization, rows) in enumerate(_SIZES.items()):
            _fill(database, organization, organizations[organization], rows, number * 1_000_000)
        _open_floor(database, organizations[shape.OTHER])
        settle(database)
        floor = stack.enter_context(FLOOR_OF_LISTS.serving(database))
        options.progress(f"{kind}: pages of {FEW:,} and {MANY:,} rows")
        raw = turns(dict(_requests(service, floor, organizations[shape.OTHER])), options)
    return Measurement("lists", kind, list(_findings(raw)), raw=raw)


def _findings(raw: dict[str, list[float]]) -> Iterator[Finding]:
    for name in LISTS:
        for page in ("first", "last"):
            figure = cost(raw, f"{name} {page} many", f"{name} {page} few")
            yield found(f"{name} at {MANY:,} rows ÷ at {FEW:,}, {page} page", figure, Goal("≤", 1.2))
        yield found(f"{name} × floor, first page", 1 / cost(raw, f"{name} first many", f"{name} first floor"), Goal("≥", 0.7))


# What is asked


def _requests(service: Service, floor: Service, many: str) -> Iterator[tuple[str, Callable[[], tuple[Service, list[str]]]]]:
    for name in LISTS:
        first = f"/api/v1/{name}?limit={_PAGE}"
        for size, organization in (("few", shape.READER), ("many", shape.OTHER)):
            last = _last_page(service.port, name, login(service.port, organization))
            yield f"{name} first {size}", partial(_asking, service, first, organization)
            yield f"{name} last {size}", partial(_asking, service, last, organization)
        yield f"{name} first floor", lambda first=first: (floor, [generator.request("GET", first, shape.token(many))])


def _asking(service: Service, path: str, organization: str) -> tuple[Service, list[str]]:
    return service, [generator.request("GET", path, login(service.port, organization))]


def _last_page(port: int, name: str, token: str) -> str:
    """The path of a whole page at the end, found by walking there in long steps."""
    walk = f"/api/v1/{name}?limit=100"
    pagination, path = call(port, "GET", walk, token)["data"]["pagination"], ""
    while pagination["has_more"]:
        path = f"/api/v1/{name}?limit={_PAGE}&cursor={quote(pagination['next_cursor'])}"
        pagination = call(port, "GET", f"{walk}&cursor={quote(pagination['next_cursor'])}", token)["data"]["pagination"]
    return path


# What is there


def _plant(service: Service) -> None:
    """The project of each organization that the others are like."""
    project = {"name": "Of the benchmarks", "tags": ["a"]}
    for organization in _SIZES:
        call(service.port, "POST", "/api/v1/projects", login(service.port, organization), project)


def _organizations(database: Database) -> Mapping[str, str]:
    """The ids that the organizations have in the product, by what the benchmarks call them."""
    connection = connected(database.url)
    rows = connection.execute(
        "SELECT u.email, m.organization_id FROM core_user u JOIN core_membership m ON m.user_id = u.id"
    ).fetchall()
    connection.close()
    found_ids = dict(rows)
    return {organization: found_ids[email(organization)] for organization in _SIZES}


def _fill(database: Database, organization: str, organization_id: str, rows: int, first: int) -> None:
    """So many rows of each list, and half a long page more, so that a whole short one is at the end."""
    own, count, user = f"organization_id = '{organization_id}'", rows + 50, "'user_' || {number}"
    project, path = "'project_' || {number}", f"'/{organization_id}/project_' || {{number}} || '/'"
    address = {"id": user, "email": "'person-' || n || '@example.org'", "name": "'Person ' || n"}
    event = {"id": "'evt_' || {number}", "at": "{moment}"}
    entry = {"event_id": "'evt_' || {number}", "sequence": "n + 1", "previous_hash": _HASH}
    _seal_one(database, own)
    grown: Mapping[str, tuple[str, Mapping[str, str]]] = {
        "core_user": (f"email = '{email(organization)}'", address | _MOMENTS),
        "core_membership": (own, {"id": "'membership_' || {number}", "user_id": user} | _MOMENTS),
        "core_node": (f"{own} AND kind = 'project'", {"id": project, "path": path} | _MOMENTS),
        "projects_project": (own, {"id": project, "name": "'Project ' || n"} | _MOMENTS),
        "core_event": (f"{own} AND name = 'projects.created'", event),
        "core_event_entry": (own, entry),
    }
    for table, (like, different) in grown.items():
        multiply(database, table, like, count, different, first + 1)


def _seal_one(database: Database, own: str) -> None:
    """Give the organization an entry of its chain that the others are like, if it has none."""
    connection = connected(database.url)
    connection.execute(
        "INSERT INTO core_event_entry (event_id, organization_id, sequence, version, hash, salt)"
        f" SELECT id, organization_id, 1, 2, {_HASH}, {_HASH} FROM core_event"
        f" WHERE {own} AND name = 'projects.created' ON CONFLICT DO NOTHING"
    )
    connection.close()


def _open_floor(database: Database, organization_id: str) -> None:
    """Let the floor know of the caller: its sessions are tables of its own."""
    store = open_store(database.url)
    with store.write() as execute:
        for statement in SCHEMA:
            execute(statement, ())
        admit(store, execute, organization_id)
