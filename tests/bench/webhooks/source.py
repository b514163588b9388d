"""J7's events: commits COUNT of them, PACE a second or as fast as it goes: `python -m tests.bench.webhooks.source WHO COUNT PACE`.

WHO is the address of a user, for whose organization they happen through the product's own log, or `by_hand`. When each was committed,
by the clock of `time.monotonic`, is printed as JSON by the id of its message.
"""

import json
import os
import sys
import time
from collections.abc import Callable

Commit = Callable[[int], list[str]]
_AT_ONCE = 100


def product(email: str) -> Commit:
    """Emits events of the organization of that user."""
    from aasim_core.bootstrap import build_app
    from aasim_core.context import organization_scope
    from aasim_core.events.log import Subject, emit
    from aasim_core.settings import Settings

    from ..contestants.aasim_seed import home_of

    app = build_app(Settings.load())
    with app.database.connected():
        _, organization = home_of(email)

    def commit(count: int) -> list[str]:
        with app.database.connected(), organization_scope(organization), app.database.transaction():
            subject = Subject("plugin", None, "Bench")
            return [emit("core.plugin_switched", subject, data={"status": "active"}).id for _ in range(count)]

    return commit


def by_hand() -> Commit:
    """Writes jobs, each with the body of its message, and wakes the worker."""
    from ..contestants.floor.store import open_store
    from ..contestants.queues import sender
    from .by_hand import INSERT, message

    store, ring = open_store(os.environ["BENCH_DATABASE_URL"]), sender()

    def commit(count: int) -> list[str]:
        rows = [message() for _ in range(count)]
        with store.write() as execute:
            for row in rows:
                execute(INSERT, row)
        ring("")
        return [str(row[1]) for row in rows]

    return commit


def main(who: str, count: int, pace: float) -> None:
    """Commit them all, and tell when."""
    commit = by_hand() if who == "by_hand" else product(who)
    commit(0)
    committed: dict[str, float] = {}
    started = time.monotonic()
    while len(committed) < count:
        if pace:
            time.sleep(max(0, started + len(committed) / pace - time.monotonic()))
        ids = commit(1 if pace else min(_AT_ONCE, count - len(committed)))
        committed |= dict.fromkeys(ids, time.monotonic())
    print(json.dumps(committed))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
