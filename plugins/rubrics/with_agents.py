"""Which agents may be evaluated, where the plugin agents is on."""

from aasim_core import Request
from aasim_core.errors import Invalid, Problem, Refused

from ..agents import service as agents
from ..agents.models import Agent


def find_runnable(req: Request, agent_id: str, number: int | None) -> tuple[Agent, int]:
    """The agent and the number of its version; Invalid for what is not there for the caller, Refused where they may not run it."""
    try:
        agent = agents.find_visible(agent_id, req.principal.user_id)
    except Refused:
        agent = None
    if agent is None or not agents.allows(req.rights, "agents:read", agent, req.principal.user_id):
        raise Invalid({"agent_id": [Problem("invalid_reference", "There is no such agent.")]})
    if not agents.allows(req.rights, "agents:execute", agent, req.principal.user_id):
        raise Refused("permission_denied", "This needs the permission agents:execute.", meta={"permission": "agents:execute"})
    agents.refuse_unless_runnable(agent)
    agents.definition_at(agent, number or agent.agent_version)
    return agent, number or agent.agent_version


def find_live(agent_id: str) -> Agent:
    """The agent of that id, unless it is deleted; Refused ``not_found`` then."""
    return agents.find_live(agent_id)
