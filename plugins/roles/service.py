"""Operations on roles: create, clone, change for all holders, and delete with a replacement."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aasim_core import App, Refused, emit
from aasim_core.access.delegation import Delegator, is_owner
from aasim_core.access.records import Grant, Role
from aasim_core.context import current_organization
from aasim_core.data import records, references
from aasim_core.errors import Invalid, Problem
from aasim_core.tenancy import epoch
from aasim_core.text.slugs import free_name
from aasim_core.text.suggestions import did_you_mean

from . import views

_MOST_SHOWN = 20
_REPLACEMENT = "replacement_role_id"


def require_known(permissions: Sequence[str], known: Iterable[str]) -> None:
    """Invalid, for each permission that there is not, with the nearest one that there is."""
    known = sorted(known)
    problems = {
        f"permissions[{number}]": [Problem("invalid_choice", f"There is no permission {name}.{did_you_mean(name, known)}")]
        for number, name in enumerate(permissions)
        if name not in known
    }
    if problems:
        raise Invalid(problems)


def create(values: Mapping[str, Any], granter: Delegator, **data: Any) -> Role:
    """Write a new role, within its creator's rights."""
    granter.require_permissions(values["permissions"])
    role: Role = records.create(Role, **values)
    emit("roles.created", role, data=data)
    return role


def clone(original: Role, values: Mapping[str, Any], granter: Delegator) -> Role:
    """A copy that can be changed, with what the original allows now."""
    allowed = sorted(granter.permissions_of(original))
    copied = {"name": _free_name(original.name), "description": original.description, "permissions": allowed}
    return create({**copied, **values}, granter, cloned_from=original.id)


def change(role: Role, values: Mapping[str, Any], granter: Delegator) -> Role:
    """Write changed values for all holders of the role; only permissions that the caller holds can be added or removed."""
    _refuse_built_in(role)
    before = set(role.permissions)
    granter.require_permissions(before ^ set(values.get("permissions", before)))
    changed = records.change(role, values)
    if "permissions" in changed:
        epoch.bump(current_organization())
    if changed:
        emit("roles.updated", role, changes=changed)
    return role


def remove(app: App, role: Role, replacement_role_id: str | None, granter: Delegator) -> None:
    """Delete the role; Refused ``in_use`` while it is held, named or limits a key, unless another one takes its place."""
    _refuse_built_in(role)
    epoch.bump(current_organization())  # first, so that who gives the role meanwhile waits for this
    granter.require_permissions(granter.permissions_of(role))
    if replacement_role_id is None:
        _refuse_held(role)
        references.refuse_in_use(app.models, "role", role.id)
        held = Grant.delete().where(Grant.role_id == role.id).execute()
    else:
        successor = _successor(role, replacement_role_id)
        granter.require_permissions(granter.permissions_of(successor))
        held = _hand_over(role, successor)
        references.reassign(app.models, "role", role.id, successor.id)
    records.remove(role)
    emit("roles.deleted", role, data={_REPLACEMENT: replacement_role_id, "grants": held})


def _refuse_built_in(role: Role) -> None:
    if role.built_in:
        message = (
            f"The role {role.name} is built in and stays as it is; clone it with POST /roles/{role.id}/clone and change that."
        )
        raise Refused("invalid_state", message, meta={"built_in": True})


def _refuse_held(role: Role) -> None:
    holders = views.holders_of(role.id, _MOST_SHOWN)
    if holders:
        count = Grant.select(Grant.subject_id).where(views.keeping(role.id)).distinct().count()
        message = f"The role is held; name one in its place with ?{_REPLACEMENT}=…, or take it back first."
        raise Refused("in_use", message, meta={"holders": holders, "holders_count": count})


def _successor(role: Role, role_id: str) -> Role:
    successor: Role | None = records.find_or_none(Role, role_id)
    if successor is None or successor.id == role.id:
        raise Invalid({_REPLACEMENT: [Problem("invalid_reference", "There is no such other role in the organization.")]})
    if is_owner(successor):
        message = "Nobody becomes an owner this way; make them owners one by one, or choose another role."
        raise Invalid({_REPLACEMENT: [Problem("invalid_reference", message)]})
    return successor


def _hand_over(role: Role, successor: Role) -> int:
    """Assign the successor to all holders of the role; a holder of both keeps the longer grant. Returns their number."""
    theirs = {(each.subject_id, each.node_id): each for each in Grant.select().where(Grant.role_id == successor.id)}
    grants = list(Grant.select().where(Grant.role_id == role.id))
    for old in grants:
        kept = theirs.get((old.subject_id, old.node_id))
        if kept is None:
            records.change(old, {"role_id": successor.id})
            continue
        if kept.expires_at is not None and (old.expires_at is None or old.expires_at > kept.expires_at):
            records.change(kept, {"expires_at": old.expires_at})
        records.remove(old)
    return len(grants)


def _free_name(name: str) -> str:
    alike = {role.name for role in Role.select(Role.name).where(Role.name.startswith(name[:100]))}
    return free_name(name, {name, *alike})
