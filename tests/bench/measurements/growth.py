"""What the cost of a request must not depend on: the number of rows, the depth of the page, of routes, of other people's grants."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from urllib.parse import quote

from ..contestants.aasim import Aasim, email, fill, login
from ..contestants.handmade import Service
from ..contestants.shape import OTHER, READER
from ..databases import Database, fresh, settle
from ..load import generator
from ..load.web import call, loaded
from ..reporting.findings import Goal, Measurement, found
from .multiply import multiply
from .rounds import Options

FEW, MANY = 10_000, 1_000_000
GRANTS = 100_000
_PAGE = "/api/v1/agents?limit=25"
_PLUGIN = '''"""A plugin of many routes that nobody asks."""

from typing import ClassVar

from aasim_core import Plugin, Resource, hookimpl, operation
from aasim_core.http.operations import SELF

plugin = Plugin(title="Ballast", summary="Has many routes.")


class Ballast(Resource):
    paths: ClassVar = {{f"n{{number}}": f"/ballast/n{{number}}/{{{{thing}}}}/more" for number in range({count})}}


def responder(number):
    @operation(SELF, message="Nothing.")
    def on_get(self, req, resp, thing):
        """Answer nothing."""
        resp.media = None

    return on_get


for number in range({count}):
    setattr(Ballast, f"on_get_n{{number}}", responder(number))


@hookimpl
def routes(app):
    return [Ballast()]
'''


def measure(kind: str, options: Options) -> Measurement:
    """All of it on one kind of database."""
    raw: dict[str, list[float]] = {}
    with ExitStack() as stack:
        database = stack.enter_context(fresh(kind, "growth"))
        aasim = Aasim(rows=FEW)
        options.progress(f"{kind}: filling a database of {MANY:,} agents")
        aasim.prepare(database)
        grow(database, OTHER, MANY - FEW)
        fill(aasim.settings_for(database), OTHER, 0, GRANTS)
        settle(database)
        with aasim.serving(database) as service:
            options.progress(f"{kind}: pages of {FEW:,} and {MANY:,} agents")
            raw |= turns(_pages(service), options)
            options.progress(f"{kind}: {GRANTS:,} grants of other users")
            raw |= turns(
                {"no grants": partial(_one_agent, service, READER), "grants": partial(_one_agent, service, OTHER)}, options
            )
        raw |= _with_routes(database, options)
    return Measurement("growth", kind, [
        found(f"J1 at {MANY:,} rows ÷ at {FEW:,}, first page", cost(raw, "many first", "few first"), Goal("≤", 1.2)),
        found(f"J1 at {MANY:,} rows ÷ at {FEW:,}, last page", cost(raw, "many last", "few last"), Goal("≤", 1.2)),
        found("J2 with 300 routes ÷ with 10", cost(raw, "300 routes", "10 routes"), Goal("≤", 1.05)),
        found(f"J2 with {GRANTS:,} grants of others ÷ with none", cost(raw, "grants", "no grants"), Goal("≤", 1.05)),
    ], raw=raw)  # fmt: skip


def cost(raw: dict[str, list[float]], dear: str, cheap: str) -> float:
    """How much more one costs than the other: the median of the ratios of rates, turn by turn."""
    return round(float(median(one / other for one, other in zip(raw[cheap], raw[dear], strict=True))), 3)


def turns(requests: dict[str, Callable[[], tuple[Service, list[str]]]], options: Options) -> dict[str, list[float]]:
    """The rates of requests that take turns, a figure for each round."""
    rates: dict[str, list[float]] = {name: [] for name in requests}
    for number in range(options.rounds):
        for name in sorted(requests, reverse=bool(number % 2)):
            service, lines = requests[name]()
            rates[name].append(loaded(service.port, lines, seconds=options.seconds, warm_up=options.warm_up).rate)
    return rates


def _pages(service: Service) -> dict[str, Callable[[], tuple[Service, list[str]]]]:
    tokens = {"few": service.reader, "many": login(service.port, OTHER)}
    last = {size: last_page(service.port, token) for size, token in tokens.items()}

    def asking(size: str, path: str) -> Callable[[], tuple[Service, list[str]]]:
        organization = READER if size == "few" else OTHER
        return lambda: (service, [generator.request("GET", path, login(service.port, organization))])

    return {f"{size} first": asking(size, _PAGE) for size in tokens} | {
        f"{size} last": asking(size, last[size]) for size in tokens
    }


def last_page(port: int, token: str) -> str:
    """The path of the last page, found by walking."""
    path, before = "/api/v1/agents?limit=100", ""
    while path != before:
        before = path
        pagination = call(port, "GET", path, token)["data"]["pagination"]
        if pagination["has_more"]:
            path = f"/api/v1/agents?limit=100&cursor={quote(pagination['next_cursor'])}"
    return path


def _one_agent(service: Service, organization: str = READER) -> tuple[Service, list[str]]:
    token = login(service.port, organization)
    first = call(service.port, "GET", _PAGE, token)["data"]["items"][0]["id"]
    return service, [generator.request("GET", f"/api/v1/agents/{first}", token)]


def _with_routes(database: Database, options: Options) -> dict[str, list[float]]:
    options.progress(f"{database.kind}: 10 and 300 routes")
    with TemporaryDirectory() as folder, ExitStack() as stack:
        services = {count: stack.enter_context(_ballast(Path(folder), count).serving(database)) for count in (10, 300)}
        return turns({f"{count} routes": partial(_one_agent, service) for count, service in services.items()}, options)


def _ballast(folder: Path, routes: int) -> Aasim:
    home = folder / str(routes) / "ballast"
    home.mkdir(parents=True)
    (home / "__init__.py").write_text(_PLUGIN.format(count=routes))
    settings = {"AASIM_PLUGINS__FOLDER": str(home.parent), "AASIM_PLUGINS__ENABLED": '["ballast"]'}
    return replace(Aasim(), name=f"aasim_{routes}", settings=settings)


def grow(database: Database, organization: str, count: int) -> None:
    """Write `count` more agents like the organization's newest."""
    owner = f"(SELECT id FROM core_user WHERE email = '{email(organization)}')"
    grown = {
        "id": "'agent_' || {number}",
        "name": "'Grown ' || n",
        "slug": "'grown-' || n",
        "created_at": "{moment}",
        "updated_at": "{moment}",
    }
    multiply(database, "agents_agent", f"owner_id = {owner}", count, grown)
