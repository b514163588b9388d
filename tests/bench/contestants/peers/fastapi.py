"""The peers of J1 to J3: FastAPI and SQLAlchemy with a synchronous session (`application`) and an asynchronous one."""

from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from typing import Annotated, Any, Literal

import jwt
from fastapi import Depends, FastAPI, Header, HTTPException
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import create_engine, func, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import Session, sessionmaker

from . import models
from .models import Agent, Event, UserSession


class AgentIn(BaseModel):
    """What a client sends."""

    name: str = Field(min_length=1, max_length=200)
    description: str = Field(max_length=2000)
    visibility: Literal["private", "project", "organization"]
    tags: list[str]
    instructions: str
    parameters: dict[str, Any]
    memory: dict[str, Any]
    limits: dict[str, Any]


class AgentOut(AgentIn):
    """What answers show."""

    model_config = ConfigDict(from_attributes=True)
    id: str
    organization_id: str
    slug: str
    status: str
    project_id: str | None
    owner_id: str
    engine_id: str | None
    input_schema: dict[str, Any] | None
    output_schema: dict[str, Any] | None
    tools: list[Any]
    rubric_ids: list[str]
    forked_from: dict[str, Any] | None
    agent_version: int
    version: int
    created_at: datetime
    updated_at: datetime


class Pagination(BaseModel):
    limit: int
    has_more: bool
    next_cursor: str | None
    total: int | None = None


class Page(BaseModel):
    items: list[AgentOut]
    pagination: Pagination


class One(BaseModel):
    success: bool = True
    data: AgentOut
    message: str = "OK"


class Many(BaseModel):
    success: bool = True
    data: Page
    message: str = "OK"


class Caller(BaseModel):
    user_id: str
    organization_id: str
    permissions: list[str]


def token_of(authorization: Annotated[str, Header()]) -> dict[str, Any]:
    try:
        return models.claims(authorization)
    except jwt.PyJWTError:
        raise HTTPException(401) from None


def caller_of(session: UserSession | None, token: dict[str, Any], permission: str) -> Caller:
    if session is None:
        raise HTTPException(401)
    if not models.allowed(session, token["org"], permission):
        raise HTTPException(403)
    return Caller(user_id=session.user_id, organization_id=token["org"], permissions=[permission])


def page_of(rows: list[Agent], limit: int, total: int | None) -> Many:
    more, rows = len(rows) > limit, rows[:limit]
    pagination = Pagination(limit=limit, has_more=more, next_cursor=models.next_cursor(rows[-1]) if more else None, total=total)
    return Many(data=Page(items=[AgentOut.model_validate(row) for row in rows], pagination=pagination))


def new_agent(given: AgentIn, caller: Caller) -> Agent:
    slug = given.name.lower().replace(" ", "-")
    return Agent(**given.model_dump(), slug=slug, organization_id=caller.organization_id, owner_id=caller.user_id)


def creation_of(agent: Agent, caller: Caller) -> Event:
    return Event(
        organization_id=caller.organization_id,
        actor=caller.user_id,
        name="agents.created",
        subject=agent.id,
        data={"name": agent.name},
    )


def total_query(caller: Caller) -> Any:
    return select(func.count()).where(models.visible(caller.organization_id, caller.user_id))


def one_query(agent_id: str, caller: Caller) -> Any:
    return select(Agent).where(Agent.id == agent_id, models.visible(caller.organization_id, caller.user_id))


def synchronous() -> FastAPI:
    """The service with `def` endpoints, which FastAPI runs in its thread pool."""
    app = FastAPI()
    new_session = sessionmaker(models.tuned(create_engine(models.url(), pool_size=40)), expire_on_commit=False)

    def database() -> Iterator[Session]:
        with new_session() as session:
            yield session

    Database = Annotated[Session, Depends(database)]  # noqa: N806 - a type

    def caller(permission: str) -> Any:
        def dependency(database: Database, token: Annotated[dict[str, Any], Depends(token_of)]) -> Caller:
            return caller_of(database.scalars(models.session_query(token)).unique().one_or_none(), token, permission)

        return Depends(dependency)

    @app.get("/api/v1/agents", response_model=Many)
    def listed(
        db: Database, who: Annotated[Caller, caller("agents:read")], limit: int = 25, cursor: str | None = None, include: str = ""
    ) -> Many:
        rows = list(db.scalars(models.page_query(models.visible(who.organization_id, who.user_id), limit, cursor)))
        return page_of(rows, limit, db.scalar(total_query(who)) if include == "total" else None)

    @app.get("/api/v1/agents/{agent_id}", response_model=One)
    def read(agent_id: str, db: Database, who: Annotated[Caller, caller("agents:read")]) -> Any:
        agent = db.scalar(one_query(agent_id, who))
        if agent is None:
            raise HTTPException(404)
        return One(data=AgentOut.model_validate(agent))

    @app.post("/api/v1/agents", response_model=One, status_code=201)
    def created(given: AgentIn, db: Database, who: Annotated[Caller, caller("agents:create")]) -> Any:
        agent = new_agent(given, who)
        db.add(agent)
        db.flush()
        db.add(creation_of(agent, who))
        db.commit()
        return One(data=AgentOut.model_validate(agent), message="Created.")

    return app


def asynchronous() -> FastAPI:
    """The service with `async def` endpoints and an asynchronous driver."""
    app = FastAPI()
    engine = create_async_engine(models.url(asynchronous=True), pool_size=16)
    models.tuned(engine.sync_engine)
    new_session = async_sessionmaker(engine, expire_on_commit=False)

    async def database() -> AsyncIterator[AsyncSession]:
        async with new_session() as session:
            yield session

    Database = Annotated[AsyncSession, Depends(database)]  # noqa: N806 - a type

    def caller(permission: str) -> Any:
        async def dependency(database: Database, token: Annotated[dict[str, Any], Depends(token_of)]) -> Caller:
            found = (await database.scalars(models.session_query(token))).unique().one_or_none()
            return caller_of(found, token, permission)

        return Depends(dependency)

    @app.get("/api/v1/agents", response_model=Many)
    async def listed(
        db: Database, who: Annotated[Caller, caller("agents:read")], limit: int = 25, cursor: str | None = None, include: str = ""
    ) -> Many:
        rows = list(await db.scalars(models.page_query(models.visible(who.organization_id, who.user_id), limit, cursor)))
        return page_of(rows, limit, await db.scalar(total_query(who)) if include == "total" else None)

    @app.get("/api/v1/agents/{agent_id}", response_model=One)
    async def read(agent_id: str, db: Database, who: Annotated[Caller, caller("agents:read")]) -> Any:
        agent = await db.scalar(one_query(agent_id, who))
        if agent is None:
            raise HTTPException(404)
        return One(data=AgentOut.model_validate(agent))

    @app.post("/api/v1/agents", response_model=One, status_code=201)
    async def created(given: AgentIn, db: Database, who: Annotated[Caller, caller("agents:create")]) -> Any:
        agent = new_agent(given, who)
        db.add(agent)
        await db.flush()
        db.add(creation_of(agent, who))
        await db.commit()
        return One(data=AgentOut.model_validate(agent), message="Created.")

    return app
