"""The tree of an organization, and its grants."""

import peewee

from ..data.fields import IdField, InstantField, JsonField
from ..data.records import Record, TenantRecord


class Node(TenantRecord):
    """A node in the organization's tree; it shares the id of its organization, branch, department or project.

    `path` is the ids from the root to the node, each followed by a slash: ``/<organization>/<branch>/``. Everything that belongs to an
    archived node is read-only. While a node is held, nothing new starts that belongs to it.
    """

    kind = peewee.TextField()
    parent_id = IdField(null=True, index=True)
    path = peewee.TextField()
    depth = peewee.BigIntegerField()
    archived_at = InstantField(null=True)
    held_at = InstantField(null=True)

    class Meta:
        table_name = "core_node"
        indexes = ((("organization_id", "path"), True),)


class Role(TenantRecord):
    """A named set of permissions. A built-in one has no `permissions` of its own: the plugins define them."""

    name = peewee.TextField()
    description = peewee.TextField(default="")
    built_in = peewee.BooleanField(default=False)
    permissions = JsonField(default=list)

    class Meta:
        table_name = "core_role"
        id_prefix = "role"
        indexes = ((("organization_id", "name"), True),)


class Grant(TenantRecord):
    """A role of a user, team or API key at a node and every node below, until `expires_at` if that is set."""

    subject_type = peewee.TextField()
    subject_id = IdField()
    role_id = IdField(index=True)
    node_id = IdField(index=True)
    expires_at = InstantField(null=True)
    source = peewee.TextField(default="direct")
    created_by = IdField(null=True)

    class Meta:
        table_name = "core_grant"
        id_prefix = "grant"
        indexes = ((("organization_id", "subject_id", "role_id", "node_id"), True),)


class Team(TenantRecord):
    """A group of members that can hold grants together."""

    name = peewee.TextField()
    slug = peewee.TextField()
    description = peewee.TextField(default="")
    lead_id = IdField(null=True)

    class Meta:
        table_name = "core_team"
        id_prefix = "team"
        references = {"lead_id": "user"}  # noqa: RUF012 - peewee's Meta is read once
        indexes = ((("organization_id", "slug"), True),)


class TeamMember(TenantRecord):
    """A member of a team."""

    team_id = IdField()
    user_id = IdField(index=True)
    team_role = peewee.TextField(default="member")

    class Meta:
        table_name = "core_team_member"
        id_prefix = "teammember"
        indexes = ((("team_id", "user_id"), True),)


RECORDS: tuple[type[Record], ...] = (Node, Role, Grant, Team, TeamMember)
