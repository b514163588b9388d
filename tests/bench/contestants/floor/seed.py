"""Makes and fills the floor's database: three organizations of one user each, two of them with ten thousand agents."""

import os

import orjson

from .. import shape
from .store import SCHEMA, Execute, Store, open_store


def seed(url: str) -> None:
    """Create the tables at `url` and fill them in one transaction."""
    store = open_store(url)
    insert = store.prepare(f"INSERT INTO agent ({', '.join(shape.COLUMNS)}) VALUES ({', '.join('?' * len(shape.COLUMNS))})")
    with store.write() as execute:
        for statement in SCHEMA:
            execute(statement, ())
        for organization in (shape.READER, shape.OTHER, shape.WRITER):
            admit(store, execute, organization)
            for agent in shape.agents(organization, 1 if organization == shape.WRITER else shape.ROWS):
                execute(insert, [_stored(name, agent[name]) for name in shape.COLUMNS])


def admit(store: Store, execute: Execute, organization: str) -> None:
    """Write the organization with its one user, whose session stands."""
    user = shape.user_of(organization)
    execute(store.prepare("INSERT INTO organization VALUES (?, 'active')"), (organization,))
    execute(store.prepare("INSERT INTO person VALUES (?, 'active')"), (user,))
    execute(store.prepare("INSERT INTO membership VALUES (?, ?, 'builder')"), (user, organization))
    execute(store.prepare("INSERT INTO session VALUES (?, ?, NULL)"), (shape.session_of(organization), user))


def _stored(name: str, value: object) -> object:
    if name in shape.JSON_COLUMNS:
        return orjson.dumps(value).decode()
    return shape.text(value) if name.endswith("_at") else value  # type: ignore[arg-type]


if __name__ == "__main__":
    seed(os.environ["BENCH_DATABASE_URL"])
