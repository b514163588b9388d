"""The endpoints of executions under /agents."""

from collections.abc import Mapping
from typing import ClassVar

from aasim_core import Request, Response, operation

from ..executions.resources import SubjectExecutions, accepted
from . import service
from .models import Agent


class AgentExecutions(SubjectExecutions):
    """The runs of an agent."""

    paths: ClassVar[Mapping[str, str]] = {"execute": "/agents/{agent_id}/execute", "executions": "/agents/{agent_id}/executions"}

    def find(self, req: Request, **ids: str) -> Agent:
        """Return the agent, if it is visible to the caller."""
        return service.find_visible(ids["agent_id"], req.principal.user_id)

    def allows(self, req: Request, permission: str, target: Agent) -> bool:
        """Permissions as in the agent's own endpoints."""
        return service.allows(req.rights, permission, target, req.principal.user_id)

    @operation(
        "execute",
        body="body",
        reply="reply",
        status=202,
        also=(200,),
        waits=True,
        message="Execution queued.",
        refusals=("invalid_state", "queue_full", "budget_exceeded"),
    )
    def on_post_execute(self, req: Request, resp: Response, agent_id: str) -> None:
        """Run an agent.

        The response comes at once, or with ``Prefer: wait=N`` when the run has ended within N seconds.
        """
        execution = service.start(
            self.app,
            req.target,
            req.body["input"],
            req.principal.user_id,
            number=req.body.get("version"),
            parameters=req.body["parameters"],
            metadata=req.body["metadata"],
            labels=req.body["labels"],
            api_key_id=req.principal.api_key_id,
        )
        accepted(self, req, resp, execution)

    @operation("executions:read", query="query", reply="reply", many=True, message="Executions listed.")
    def on_get_executions(self, req: Request, resp: Response, agent_id: str) -> None:
        """List the executions of an agent that the caller may see."""
        self.list_executions(req, resp)
