"""Asks every list everything, and what callers may do, as each caller, and keeps what took long."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from time import perf_counter
from typing import Any

from aasim_core import App
from aasim_core.testing.contract.exchanges import Exchange, ask, joined
from aasim_core.testing.statements import recorded
from aasim_core.testing.world import Person, World

from .plans import reason
from .questions import Asked, about_rights, addresses, questions

#: Milliseconds from which on a question is asked again and told, and which no question may take.
WORTH_TELLING, TOO_LONG = 50.0, 200.0
_CALLS = 3
#: Who has little, next to somebody who has a lot: what is worth telling of others takes too long for them.
NEIGHBOUR = "the owner of a small organization"


@dataclass(frozen=True)
class Slow:
    """A question that took long: who asked, what was answered, the median of the milliseconds, and the plan's reason."""

    caller: str
    asked: Asked
    status: int
    milliseconds: float
    reason: str

    @property
    def is_refused(self) -> bool:
        """Whether it takes longer than any may, or was not answered."""
        longest = WORTH_TELLING if self.caller == NEIGHBOUR else TOO_LONG
        return self.milliseconds > longest or self.status >= 500


class Asker:
    """One caller, who asks an app of this process."""

    def __init__(self, app: App, wsgi: Any, name: str, person: Person) -> None:
        self.name, self.app, self._wsgi, self._person, self._count = name, app, wsgi, person, 0

    @property
    def organization_id(self) -> str:
        """Where they are a member."""
        return self._person.organization_id

    def items(self, path: str) -> Any:
        """The items of a page; None where the caller gets none."""
        exchange = self._ask(Asked(path, path))
        return exchange.data["items"] if exchange.status == 200 else None

    def slow(self, asked: Asked) -> Slow | None:
        """What is to be told of the question; None of one that is answered soon."""
        status, took = self._timed(asked)
        if took < WORTH_TELLING and status < 500:
            return None
        took = median([took, *(self._timed(asked)[1] for _ in range(_CALLS - 1))])
        if took < WORTH_TELLING and status < 500:
            return None
        with recorded(self.app.database) as statements:
            self._ask(asked)
        return Slow(self.name, asked, status, took, reason(self.app.database, self.organization_id, statements))

    def about_rights(self) -> list[Asked]:
        """The questions about what they may do."""
        return about_rights(self._person.user_id)

    def _timed(self, asked: Asked) -> tuple[int, float]:
        began = perf_counter()
        status = self._ask(asked).status
        return status, (perf_counter() - began) * 1000

    def _ask(self, asked: Asked) -> Exchange:
        self._count += 1
        if self._count % 2_000 == 0:  # before the token expires
            self._person = World(self.app, self._wsgi).again(self._person)
        body = {} if asked.body is None else {"body": asked.body}
        path = joined(asked.path, asked.query) if asked.query else asked.path
        return ask(self._wsgi, asked.method, path, self._person.client.token, **body)


def everything(
    asker: Asker, only: Sequence[str], until: datetime, progress: Callable[[str, int, int], None]
) -> Iterator[Slow | None]:
    """Ask every list everything, and about rights, or the templates `only`; yields for each question what is to be told of it."""
    for asked in asker.about_rights():
        if not only or asked.template in only:
            yield asker.slow(asked)
    pages = [page for page in addresses(asker.app.endpoints, asker.items) if not only or page[0].template in only]
    for number, (endpoint, path) in enumerate(pages):
        progress(f"{asker.name}: GET {endpoint.template}", number, len(pages))
        for asked in questions(endpoint, path, asker.items, until):
            yield asker.slow(asked)
