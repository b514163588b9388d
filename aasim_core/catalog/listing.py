"""Lists of declarations, without those of plugins that are off for the caller's organization."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from ..data.conditions import Condition
from ..http.operations import Resource
from ..http.request import Request
from ..lists.paging import Page, read_page
from ..lists.query import ListQuery
from ..lists.virtual_table import Listing

if TYPE_CHECKING:
    from ..app import App


class Declared(Resource):
    """A resource that lists what the installation has; ``plugin`` among the columns of the rows says whose each is."""

    common = True
    query: ListQuery

    def __init__(self, app: "App", columns: Sequence[str], rows: Callable[[], Sequence[Mapping[str, Any]]]) -> None:
        self._app = app
        self._listing = Listing(app.database, columns, rows)
        self._differs = partial(_differs, self._listing.plugin)

    def read(self, req: Request) -> Page:
        """The page that the request asks for."""
        question = self.query.question(req.path, req.query)
        conditions = [Condition(self._differs, plugin=plugin) for plugin in self._off(req)]
        return read_page(self._listing, self.plan.columns, question, conditions, self._app.keyring, self.query.search)

    def _off(self, req: Request) -> Iterator[str]:
        """The plugins that are off for the caller's organization only."""
        names = (plugin.name for plugin in self._app.plugins.on)
        return (name for name in names if not self._app.features.allowed(req.principal, name))


def _differs(column: Any, plugin: Any) -> Any:
    return column != plugin
