"""The first tables of the core: organizations, accounts, access, sessions and keys."""

from typing import Any

from peewee import BigIntegerField, BooleanField, Model, PostgresqlDatabase, TextField


class Table(Model):
    """What every table has."""

    id = TextField(primary_key=True)
    version = BigIntegerField()
    created_at = TextField()
    updated_at = TextField()

    class Meta:
        legacy_table_names = False


class Owned(Table):
    """What the tables of an organization have besides."""

    organization_id = TextField()


class Organization(Table):
    name = TextField()
    slug = TextField(unique=True)
    status = TextField()
    timezone = TextField()
    settings = TextField()
    plan = TextField()
    authz_epoch = BigIntegerField()

    class Meta:
        table_name = "core_organization"


class Membership(Owned):
    user_id = TextField()
    status = TextField()
    branch_id = TextField(null=True)
    department_id = TextField(null=True)
    manager_id = TextField(null=True)

    class Meta:
        table_name = "core_membership"
        indexes = ((("user_id", "organization_id"), True), (("organization_id", "created_at", "id"), False))


class Node(Owned):
    kind = TextField()
    parent_id = TextField(null=True, index=True)
    path = TextField()
    depth = BigIntegerField()

    class Meta:
        table_name = "core_node"
        indexes = ((("organization_id", "path"), True),)


class Role(Owned):
    name = TextField()
    description = TextField()
    built_in = BooleanField()
    permissions = TextField()

    class Meta:
        table_name = "core_role"
        indexes = ((("organization_id", "name"), True),)


class Grant(Owned):
    subject_type = TextField()
    subject_id = TextField()
    role_id = TextField(index=True)
    node_id = TextField(index=True)
    expires_at = TextField(null=True)
    source = TextField()
    granted_by = TextField(null=True)

    class Meta:
        table_name = "core_grant"
        indexes = ((("organization_id", "subject_id", "role_id", "node_id"), True),)


class Team(Owned):
    name = TextField()
    slug = TextField()
    description = TextField()
    lead_id = TextField(null=True)

    class Meta:
        table_name = "core_team"
        indexes = ((("organization_id", "slug"), True),)


class TeamMember(Owned):
    team_id = TextField()
    user_id = TextField(index=True)
    team_role = TextField()

    class Meta:
        table_name = "core_team_member"
        indexes = ((("team_id", "user_id"), True),)


class FeatureSwitch(Owned):
    plugin = TextField()
    enabled = BooleanField()

    class Meta:
        table_name = "core_feature_switch"
        indexes = ((("organization_id", "plugin"), True),)


class User(Table):
    email = TextField(unique=True)
    name = TextField()
    status = TextField()
    kind = TextField()
    password_hash = TextField(null=True)
    password_changed_at = TextField(null=True)
    timezone = TextField()
    locale = TextField()
    avatar_url = TextField(null=True)
    is_platform_admin = BooleanField()
    last_login_at = TextField(null=True)

    class Meta:
        table_name = "core_user"


class Session(Table):
    user_id = TextField()
    current_organization_id = TextField()
    status = TextField()
    device = TextField()
    ip = TextField(null=True)
    network = TextField(null=True)
    user_agent = TextField()
    last_seen_at = TextField()
    expires_at = TextField()
    ended_at = TextField(null=True)
    end_reason = TextField(null=True)

    class Meta:
        table_name = "core_session"
        indexes = ((("user_id", "status", "created_at"), False),)


class RefreshToken(Table):
    session_id = TextField(index=True)
    digest = TextField(unique=True)
    used_at = TextField(null=True)
    successor_digest = TextField(null=True)

    class Meta:
        table_name = "core_refresh_token"


class ApiKey(Owned):
    user_id = TextField(index=True)
    name = TextField()
    description = TextField()
    status = TextField()
    scopes = TextField()
    project_id = TextField(null=True)
    allowed_ips = TextField()
    rate_limit = BigIntegerField(null=True)
    expires_at = TextField(null=True)
    prefix = TextField()
    last_four = TextField()
    digest = TextField(unique=True)
    previous_digest = TextField(null=True, index=True)
    previous_expires_at = TextField(null=True)
    last_used_at = TextField(null=True)
    last_used_ip = TextField(null=True)

    class Meta:
        table_name = "core_api_key"
        indexes = ((("organization_id", "created_at", "id"), False),)


class PasswordReset(Table):
    user_id = TextField(index=True)
    digest = TextField(unique=True)
    expires_at = TextField()
    used_at = TextField(null=True)

    class Meta:
        table_name = "core_password_reset"


class Throttle(Table):
    failures = BigIntegerField()
    last_failure_at = TextField()
    blocked_until = TextField(null=True)

    class Meta:
        table_name = "core_throttle"


TABLES = [
    Organization, Membership, Node, Role, Grant, Team, TeamMember, FeatureSwitch, User, Session, RefreshToken, ApiKey,
    PasswordReset, Throttle,
]  # fmt: skip


def up(migrator: Any, db: Any) -> None:
    """Make the tables."""
    with db.bind_ctx(TABLES):
        db.create_tables(TABLES)
    if isinstance(db, PostgresqlDatabase):
        # Subtrees are ranges of paths, byte by byte, whatever language the database sorts in.
        db.execute_sql('ALTER TABLE core_node ALTER COLUMN path TYPE text COLLATE "C"')


def down(migrator: Any, db: Any) -> None:
    """Drop the tables."""
    with db.bind_ctx(TABLES):
        db.drop_tables(TABLES)
