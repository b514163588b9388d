"""The built-in roles of every organization, and their permissions."""

from collections.abc import Mapping

from ..data.records import insert_rows
from ..errors import not_found
from .permissions import BuiltInRole, Permission
from .records import Role

#: The built-in roles and their purpose. They cannot be changed; clones can.
BUILT_IN: Mapping[BuiltInRole, str] = {
    "owner": "Everything, and the organization itself; there is always at least one.",
    "admin": "Everything in the organization.",
    "builder": "Makes and changes agents, workflows and what they need.",
    "operator": "Runs agents and workflows, and looks after what is running.",
    "approver": "Decides approvals.",
    "viewer": "Sees, and changes nothing.",
    "auditor": "Sees everything that happened, and exports it.",
    "billing": "Looks after plans and usage.",
}
#: Roles that hold every permission.
_ALL_POWERFUL = frozenset(("owner", "admin"))


def built_in_permissions(permissions: Mapping[str, Permission]) -> Mapping[str, frozenset[str]]:
    """Return the permissions of each built-in role, as the enabled plugins declare them."""
    return {
        role: frozenset(name for name, declared in permissions.items() if role in _ALL_POWERFUL or role in declared.roles)
        for role in BUILT_IN
    }


def create_built_in(organization_id: str) -> Mapping[str, str]:
    """Create the built-in roles of a new organization; returns their ids by name. Needs a transaction."""
    roles = [
        Role(organization_id=organization_id, name=name, description=description, built_in=True)
        for name, description in BUILT_IN.items()
    ]
    insert_rows(Role, [role.row() for role in roles])
    return {role.name: role.id for role in roles}


def built_in_role(name: str) -> Role:
    """Return the built-in role of the organization in scope; raises the uniform 404."""
    role: Role | None = Role.get_or_none((Role.name == name) & Role.built_in)
    if role is None:
        raise not_found()
    return role
