"""The peers' models, as SQLAlchemy's users write them, and what fills their database."""

import base64
import os
import sys
from datetime import UTC, datetime
from typing import Any

import jwt
from sqlalchemy import (
    JSON,
    ColumnElement,
    DateTime,
    ForeignKey,
    Index,
    Select,
    String,
    and_,
    create_engine,
    event,
    or_,
    select,
    tuple_,
)
from sqlalchemy.engine import Engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, joinedload, mapped_column, relationship

from .. import shape

KEY = shape.KEY.decode()


class Base(DeclarativeBase):
    """Every table."""

    type_annotation_map = {datetime: DateTime(timezone=True), dict[str, Any]: JSON, list[Any]: JSON}


class Organization(Base):
    __tablename__ = "organizations"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    status: Mapped[str]


class User(Base):
    __tablename__ = "users"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    status: Mapped[str]
    memberships: Mapped[list["Membership"]] = relationship(back_populates="user")


class Membership(Base):
    __tablename__ = "memberships"
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), primary_key=True)
    organization_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"), primary_key=True)
    role: Mapped[str]
    user: Mapped[User] = relationship(back_populates="memberships")


class UserSession(Base):
    __tablename__ = "sessions"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    revoked_at: Mapped[datetime | None]
    user: Mapped[User] = relationship()


class Agent(Base):
    __tablename__ = "agents"
    __table_args__ = (
        Index("agents_newest", "organization_id", "created_at", "id"),
        Index("agents_visible", "organization_id", "deleted_at", "visibility", "owner_id"),
        Index("agents_name", "organization_id", "name", unique=True),
    )
    id: Mapped[str] = mapped_column(String(64), primary_key=True, default=lambda: shape.new_id("agent"))
    organization_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"))
    name: Mapped[str]
    slug: Mapped[str]
    description: Mapped[str]
    status: Mapped[str] = mapped_column(default="active")
    visibility: Mapped[str]
    project_id: Mapped[str | None]
    owner_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    tags: Mapped[list[Any]]
    engine_id: Mapped[str | None]
    instructions: Mapped[str]
    parameters: Mapped[dict[str, Any]]
    input_schema: Mapped[dict[str, Any] | None]
    output_schema: Mapped[dict[str, Any] | None]
    tools: Mapped[list[Any]] = mapped_column(default=list)
    memory: Mapped[dict[str, Any]]
    limits: Mapped[dict[str, Any]]
    rubric_ids: Mapped[list[Any]] = mapped_column(default=list)
    forked_from: Mapped[dict[str, Any] | None]
    agent_version: Mapped[int] = mapped_column(default=1)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(default=lambda: datetime.now(UTC))
    updated_at: Mapped[datetime] = mapped_column(default=lambda: datetime.now(UTC))
    deleted_at: Mapped[datetime | None]


class Event(Base):
    __tablename__ = "events"
    id: Mapped[str] = mapped_column(String(64), primary_key=True, default=lambda: shape.new_id("event"))
    organization_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"), index=True)
    at: Mapped[datetime] = mapped_column(default=lambda: datetime.now(UTC))
    actor: Mapped[str]
    name: Mapped[str]
    subject: Mapped[str]
    data: Mapped[dict[str, Any]]


class Execution(Base):
    __tablename__ = "executions"
    __table_args__ = (
        Index("executions_newest", "organization_id", "created_at", "id"),
        Index("executions_of_agents", "organization_id", "agent_id", "created_at", "id"),
        Index("executions_at", "organization_id", "status"),
    )
    id: Mapped[str] = mapped_column(String(64), primary_key=True, default=lambda: shape.new_id("execution"))
    organization_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"))
    agent_id: Mapped[str] = mapped_column(ForeignKey("agents.id"))
    initiator_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    status: Mapped[str] = mapped_column(default="queued")
    input: Mapped[Any] = mapped_column(JSON)
    output: Mapped[Any] = mapped_column(JSON, nullable=True)
    created_at: Mapped[datetime] = mapped_column(default=lambda: datetime.now(UTC))
    finished_at: Mapped[datetime | None]


def happened(name: str, execution: Execution) -> Event:
    """The event of an execution."""
    who = {"organization_id": execution.organization_id, "actor": execution.initiator_id}
    return Event(**who, name=name, subject=execution.id, data={"agent_id": execution.agent_id, "status": execution.status})


def url(*, asynchronous: bool = False) -> str:
    """SQLAlchemy's address of the database under test."""
    plain = os.environ["BENCH_DATABASE_URL"]
    if plain.startswith("sqlite:"):
        return plain.replace("sqlite:", "sqlite+aiosqlite:") if asynchronous else plain
    return plain.replace("postgresql:", "postgresql+psycopg:")


def tuned(engine: Engine) -> Engine:
    """WAL, full durability and a long busy time-out on SQLite; nothing on PostgreSQL."""
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def _pragmas(connection: Any, _record: object) -> None:
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=30000"):
                connection.execute(f"PRAGMA {pragma}").close()

    return engine


def claims(header: str) -> dict[str, Any]:
    """The claims of the request's bearer token; jwt.PyJWTError when it is no good."""
    return jwt.decode(header.removeprefix("Bearer "), KEY, algorithms=["HS256"])


def session_query(token: dict[str, Any]) -> Select[tuple[UserSession]]:
    """The token's session with its user and their memberships, unless it was revoked."""
    standing = select(UserSession).where(UserSession.id == token["sid"], UserSession.revoked_at.is_(None))
    return standing.options(joinedload(UserSession.user).joinedload(User.memberships))


def allowed(session: UserSession, organization_id: str, permission: str) -> bool:
    """Whether the session's user may do `permission` in the organization."""
    roles = [membership.role for membership in session.user.memberships if membership.organization_id == organization_id]
    return session.user.status == "active" and any(permission in shape.PERMISSIONS[role] for role in roles)


def visible(organization_id: str, user_id: str) -> ColumnElement[bool]:
    """Which agents the user may know of."""
    public_or_own = or_(Agent.visibility == "organization", Agent.owner_id == user_id)
    return and_(Agent.organization_id == organization_id, Agent.deleted_at.is_(None), public_or_own)


def page_query(shown: ColumnElement[bool], limit: int, cursor: str | None) -> Select[tuple[Agent]]:
    """The newest agents after `cursor`, one more than `limit`."""
    query = select(Agent).where(shown)
    if cursor:
        created_at, agent_id = base64.urlsafe_b64decode(cursor).decode().split("|")
        query = query.where(tuple_(Agent.created_at, Agent.id) < (datetime.fromisoformat(created_at), agent_id))
    return query.order_by(Agent.created_at.desc(), Agent.id.desc()).limit(limit + 1)


def next_cursor(agent: Agent) -> str:
    """Where the page after `agent` starts."""
    return base64.urlsafe_b64encode(f"{agent.created_at.isoformat()}|{agent.id}".encode()).decode()


def seed() -> None:
    """Create the tables and fill them."""
    engine = tuned(create_engine(url()))
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        for organization_id in (shape.READER, shape.OTHER, shape.WRITER):
            user = User(id=shape.user_of(organization_id), status="active")
            session.add_all([Organization(id=organization_id, status="active"), user])
            session.flush()
            session.add(Membership(user_id=user.id, organization_id=organization_id, role="builder"))
            session.add(UserSession(id=shape.session_of(organization_id), user_id=user.id))
            count = 1 if organization_id == shape.WRITER else shape.ROWS
            session.add_all(Agent(**fields) for fields in shape.agents(organization_id, count))
        session.commit()


if __name__ == "__main__":
    sys.exit(seed())
