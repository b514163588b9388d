"""The ledger is verified while people trade."""

from threading import Thread
from typing import Any

from aasim_core.app import App
from aasim_core.testing.world import Person

from ..conftest import audit, grant


def test_a_grant_while_the_ledger_is_verified_is_no_fault(app: App, buyer: Person) -> None:
    grant(app, buyer, 5)
    trades = [Thread(target=_grant_elsewhere, args=(app, buyer))]

    def grant_meanwhile(event: Any) -> None:
        """When the entries have been read, and the accounts are read next."""
        if 'GROUP BY "t1"."organization_id"' in event.sql and trades:
            trade = trades.pop()
            trade.start()
            trade.join(60)

    app.database.query_hooks.append(grant_meanwhile)
    found = audit(app)
    app.database.query_hooks.remove(grant_meanwhile)
    assert (trades, found.transactions, found.wrong, found.unbalanced) == ([], 1, (), ())
    assert audit(app).transactions == 2


def _grant_elsewhere(app: App, person: Person) -> None:
    with app.database.connected():
        grant(app, person, 7)
