"""The declaration of a permission."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Permission:
    """One action that a role can allow.

    `id` is ``<plugin>:<verb>``; `roles` are the built-in roles that hold it besides ``owner`` and ``admin``, which hold all. A `dangerous`
    one deletes, pays, sends data outside or changes rights.
    """

    id: str
    summary: str
    dangerous: bool = False
    roles: Sequence[str] = ()
