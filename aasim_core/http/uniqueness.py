"""Convert unique violations of the database to responses."""

import re
from collections.abc import Sequence

import peewee

from ..errors import Invalid, Problem

# PostgreSQL names the index, and SQLite its columns; an index is named after its columns, by peewee and by us.
_REFUSED = re.compile(r'violates unique constraint "([^"]+)"|UNIQUE constraint failed: (.+)')


def taken(unique: Sequence[str], error: peewee.IntegrityError) -> Invalid | None:
    """Return the 422 for a value of the fields `unique` that another object has; None for any other violation."""
    refused = _REFUSED.search(str(error))
    place = (refused[1] or refused[2]) if refused else ""
    name = next((name for name in unique if re.search(rf"(?<![A-Za-z0-9]){name}\b", place)), None)
    if name is None:
        return None
    return Invalid({name: [Problem("not_unique", f"Another object has this {name.replace('_', ' ')}; choose another.")]})
