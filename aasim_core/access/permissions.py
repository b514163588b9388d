"""The declaration of a permission."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

#: The built-in roles, which every organization has.
BuiltInRole = Literal["owner", "admin", "builder", "operator", "approver", "viewer", "auditor", "billing"]
#: Those that hold only what they are given; ``owner`` and ``admin`` hold everything anyway.
EVERYBODY: Sequence[BuiltInRole] = ("builder", "operator", "approver", "viewer", "auditor", "billing")


@dataclass(frozen=True)
class Permission:
    """One action that a role can allow.

    `id` is ``<plugin>:<verb>``; `roles` are the built-in roles that hold it besides ``owner`` and ``admin``, which hold all. A `dangerous`
    one deletes, pays, sends data outside or changes rights.
    """

    id: str
    summary: str
    dangerous: bool = False
    roles: Sequence[BuiltInRole] = ()
