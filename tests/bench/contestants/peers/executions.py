"""The peers of J4: executions with Flask, SQLAlchemy and marshmallow, handed to a queue, as their users write it."""

from flask import Response, abort, g, request
from marshmallow import Schema, fields
from sqlalchemy import select

from ..queues import sender
from . import models
from .flask import answer, application
from .models import Agent, Execution

__all__ = ["application"]
SEND = sender()


class StartSchema(Schema):
    """What starts an execution, and what is answered."""

    id = fields.String(dump_only=True)
    status = fields.String(dump_only=True)
    input = fields.String(required=True)


START = StartSchema()


@application.post("/api/v1/agents/<agent_id>/execute")
def executed(agent_id: str) -> tuple[Response, int]:
    """J4: record a queued execution, with its event."""
    agent = g.db.scalar(select(Agent).where(Agent.id == agent_id, models.visible(g.organization_id, g.user_id)))
    if agent is None:
        abort(404)
    given = START.load(request.get_json())
    execution = Execution(**given, agent_id=agent.id, organization_id=g.organization_id, initiator_id=g.user_id)
    g.db.add(execution)
    g.db.flush()
    g.db.add(models.happened("executions.queued", execution))
    g.db.commit()
    SEND(execution.id)
    return answer(START.dump(execution), "Queued."), 202
