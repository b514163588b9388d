"""Agents as objects whose runs other plugins start."""

from typing import TYPE_CHECKING, Any

from ..executions.hookspecs import Startable, Target
from ..executions.models import Execution
from . import service

if TYPE_CHECKING:
    from aasim_core.app import App
    from aasim_core.tenancy.principal import Principal


def agent_startable(app: "App") -> Startable:
    """The type ``agent``."""

    def find(agent_id: str, number: int | None, principal: "Principal") -> Target:
        agent = service.find_allowed("agents:execute", agent_id, app.rights.of(principal), principal.user_id)
        version = number or agent.agent_version
        schema = service.definition_at(agent, version)["input_schema"]
        return Target(agent.id, version, agent.name, agent.project_id, schema)

    def start(agent_id: str, number: int | None, given: Any, initiator_id: str, **about: Any) -> Execution:
        return service.start(app, service.find_live(agent_id), given, initiator_id, number=number, **about)

    return Startable(service.KIND, find, start)
