"""A month of executions of one organization, each with a call of an engine."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aasim_core.access.records import Node
from aasim_plugins.engines.service import EngineCall
from aasim_plugins.executions.models import Execution

from ..scale.rows import Writer, cases

MONTH = 30 * 86_400
_AGENTS, _PROJECTS, _ENGINES = 50, 10, 3


@dataclass(frozen=True)
class Month:
    """Whose month it is, and when it ends, in seconds since 1970."""

    organization_id: str
    until: int
    runs: int


def fill(writer: Writer, month: Month) -> None:
    """Write everything, and let the database look at it: an agent has one project, one engine, and two versions, one after the other."""
    ids, count = writer.words.id, month.runs
    own = {"organization_id": month.organization_id}
    began = f"{month.until - MONTH} + n * {MONTH} / {count}"
    number = f"n * 7919 % {_AGENTS}"
    project, engine = ids("project", f"1 + {number} % {_PROJECTS}"), ids("engine", f"1 + {number} % {_ENGINES}")
    ends = writer.words.moment(f"{began} + n * 31 % 97")
    agent: dict[str, str] = {"project_id": project, "engine_id": engine}
    tokens = {"input_tokens": "200 + n % 700", "output_tokens": "20 + n % 90", "cost": "900 + n % 4000"}
    paths = {"path": f"'/{month.organization_id}/' || {ids('project')} || '/'"}
    node = {**own, "kind": "project", "depth": 2, "parent_id": month.organization_id}
    writer.write(Node, _PROJECTS, node, id=ids("project"), **paths)
    version = f"1 + n * 2 / {count + 1}"
    failed = {"n % 40 = 3": "'failed'", "n % 90 = 7": "'timed_out'", "n % 150 = 11": "'cancelled'"}
    codes = {
        "n % 120 = 3": "'tool_failed'",
        "n % 40 = 3": "'engine_error'",
        "n % 90 = 7": "'timed_out'",
        "n % 150 = 11": "'cancelled'",
    }
    run: Mapping[str, Any] = {
        **own, "kind": "agent", "subject_type": "agent", "status": "", "input": "Summarize it.", "output": "It is summarized.",
        "trigger": {"type": "api", "id": None}, "currency": "EUR",
    }  # fmt: skip
    writer.write(
        Execution, count, run, id=ids("exec"), subject_id=ids("agent", f"1 + {number}"), subject_version=version,
        status=cases(failed, "'succeeded'"), error_code=cases(codes), trigger_type=cases({"n % 5 = 0": "'schedule'"}, "'api'"),
        created_at=writer.words.moment(began), started_at=writer.words.moment(f"{began} + n % 3"), finished_at=ends, **agent, **tokens,
    )  # fmt: skip
    call = {**own, "model": "large", "outcome": "answered", "currency": "EUR"}
    whose = {"execution_id": ids("exec"), "agent_id": ids("agent", f"1 + {number}")}
    writer.write(EngineCall, count, call, id=ids("enginecall"), created_at=ends, **whose, **agent, **tokens)
    writer.finish()
