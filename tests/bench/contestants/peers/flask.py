"""The peer of J1 to J3: Flask, SQLAlchemy and marshmallow, as their users write it."""

from typing import Any

import jwt
from flask import Flask, Response, abort, g, jsonify, request
from marshmallow import Schema, fields, validate
from sqlalchemy import create_engine, func, select
from sqlalchemy.orm import sessionmaker

from .. import shape
from . import models
from .models import Agent, Event

SessionLocal = sessionmaker(models.tuned(create_engine(models.url(), pool_size=16, max_overflow=4)), expire_on_commit=False)


class AgentSchema(Schema):
    """An agent: what a client may send, and what answers show."""

    id = fields.String(dump_only=True)
    organization_id = fields.String(dump_only=True)
    name = fields.String(required=True, validate=validate.Length(1, 200))
    slug = fields.String(dump_only=True)
    description = fields.String(required=True, validate=validate.Length(max=2000))
    status = fields.String(dump_only=True)
    visibility = fields.String(required=True, validate=validate.OneOf(["private", "project", "organization"]))
    project_id = fields.String(dump_only=True)
    owner_id = fields.String(dump_only=True)
    tags = fields.List(fields.String(), required=True)
    engine_id = fields.String(dump_only=True)
    instructions = fields.String(required=True)
    parameters = fields.Dict(required=True)
    input_schema = fields.Dict(dump_only=True)
    output_schema = fields.Dict(dump_only=True)
    tools = fields.List(fields.Dict(), dump_only=True)
    memory = fields.Dict(required=True)
    limits = fields.Dict(required=True)
    rubric_ids = fields.List(fields.String(), dump_only=True)
    forked_from = fields.Dict(dump_only=True)
    agent_version = fields.Integer(dump_only=True)
    version = fields.Integer(dump_only=True)
    created_at = fields.AwareDateTime(dump_only=True)
    updated_at = fields.AwareDateTime(dump_only=True)


ONE, MANY = AgentSchema(), AgentSchema(many=True)
application = Flask(__name__)


@application.before_request
def authenticate() -> None:
    """Verify the token and its session, and find the caller's organization."""
    g.db = SessionLocal()
    try:
        token = models.claims(request.headers["Authorization"])
    except jwt.PyJWTError:
        abort(401)
    session = g.db.scalars(models.session_query(token)).unique().one_or_none()
    if session is None:
        abort(401)
    g.user_id, g.organization_id = session.user_id, token["org"]
    if not models.allowed(session, g.organization_id, "agents:create" if request.method == "POST" else "agents:read"):
        abort(403)


@application.teardown_request
def close(_error: BaseException | None) -> None:
    """Give the connection back."""
    g.db.close()


def answer(data: Any, message: str = "OK") -> Response:
    """The envelope."""
    return jsonify(success=True, data=data, message=message)


@application.get("/api/v1/agents")
def listed() -> Response:
    """J1."""
    limit = request.args.get("limit", 25, int)
    rows = list(g.db.scalars(models.page_query(models.visible(g.organization_id, g.user_id), limit, request.args.get("cursor"))))
    more, rows = len(rows) > limit, rows[:limit]
    pagination = {"limit": limit, "has_more": more, "next_cursor": models.next_cursor(rows[-1]) if more else None}
    if request.args.get("include") == "total":
        pagination["total"] = g.db.scalar(select(func.count()).where(models.visible(g.organization_id, g.user_id)))
    return answer({"items": MANY.dump(rows), "pagination": pagination})


@application.get("/api/v1/agents/<agent_id>")
def read(agent_id: str) -> Response:
    """J2."""
    agent = g.db.scalar(select(Agent).where(Agent.id == agent_id, models.visible(g.organization_id, g.user_id)))
    return answer(ONE.dump(agent)) if agent else abort(404)


@application.post("/api/v1/agents")
def created() -> tuple[Response, int]:
    """J3."""
    given = ONE.load(request.get_json())
    agent = Agent(**given, slug=given["name"].lower().replace(" ", "-"), organization_id=g.organization_id, owner_id=g.user_id)
    g.db.add(agent)
    g.db.flush()
    g.db.add(
        Event(
            organization_id=g.organization_id, actor=g.user_id, name="agents.created", subject=agent.id, data={"name": agent.name}
        )
    )
    g.db.commit()
    return answer(ONE.dump(agent), "Created."), 201


application.json.sort_keys = False  # type: ignore[attr-defined]
assert set(ONE.fields) == set(shape.COLUMNS)
