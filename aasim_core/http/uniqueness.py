"""What is answered where the database refuses a value because another object has it."""

from collections.abc import Sequence

import peewee

from ..errors import Invalid, Problem


def taken(unique: Sequence[str], error: peewee.IntegrityError) -> Exception:
    """The 422 for a value of the fields `unique` that another object has; the database's own error when it was something else."""
    names = [name for name in unique if name in str(error)]
    if not names:
        return error
    problem = Problem("not_unique", f"Another object has this {names[0].replace('_', ' ')}; choose another.")
    return Invalid({names[0]: [problem]})
