"""What an installation has after a while: many small organizations, and a large one with a month of work."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aasim_core.access.records import Grant, Node, Team, TeamMember
from aasim_core.events.chain.entries import ChainEntry
from aasim_core.events.records import EventRow
from aasim_core.identity.records import ApiKey, Session
from aasim_core.tenancy.records import Membership, Organization, User
from aasim_plugins.agents.models import Agent, AgentVersion
from aasim_plugins.branches.models import Branch
from aasim_plugins.departments.models import Department
from aasim_plugins.executions.models import Execution, LogEntry, Step
from aasim_plugins.hitl_approvals.models import Approval, Assignee
from aasim_plugins.projects.models import Project

from .rows import Writer, cases
from .size import BUSY_AGENTS, BUSY_PROJECTS, Size

MONTH = 30 * 86_400
_HASH = "0" * 64
#: Where the numbers of the small organizations and of what they have begin.
_SMALL = 10**12


@dataclass(frozen=True)
class Large:
    """The large organization, who owns it, and its built-in roles by name; its rows end at the moment `until`, in seconds."""

    organization_id: str
    owner_id: str
    roles: Mapping[str, str]
    until: int

    @property
    def own(self) -> Mapping[str, Any]:
        """What every row of it has."""
        return {"organization_id": self.organization_id}


def fill(writer: Writer, large: Large, size: Size) -> None:
    """Write everything, and let the database look at it."""
    _organizations(writer, large, size)
    _places(writer, large, size)
    _people(writer, large, size)
    _grants(writer, large, size)
    _agents(writer, large, size)
    _runs(writer, large, size)
    _details(writer, large, size)
    _events(writer, large, size)
    _approvals(writer, large, size)
    writer.finish()


def department(number: int) -> str:
    """The id of a department; the first one has five projects, in which every fiftieth run is. Only one after them has none."""
    return f"dept_{number:026d}"


def _times(writer: Writer, large: Large, count: int) -> dict[str, str]:
    """A month of rows, one after the other."""
    moment = writer.words.moment(f"{large.until - MONTH} + n * {MONTH} / {count}")
    return {"created_at": moment, "updated_at": moment}


def _organizations(writer: Writer, large: Large, size: Size) -> None:
    ids, count = writer.words.id, size.organizations
    number, of_row = f"{_SMALL} + n", f"{_SMALL} + 1 + n % {count}"
    organization, user = ids("organization", number), ids("user", number)
    own = {"organization_id": organization}
    writer.write(Organization, count, {"name": "Small"}, id=organization, slug="'small-' || n")
    writer.write(User, count, {"name": "Somebody"}, id=user, email="'small-' || n || '@example.org'")
    writer.write(Membership, count, large.own, id=ids("membership", number), user_id=user, **own)
    root = {"id": organization, "path": f"'/' || {organization} || '/'"}
    writer.write(Node, count, {**large.own, "kind": "organization", "depth": 0}, **root, **own)
    grant = {**large.own, "subject_type": "user"}
    told = {"subject_id": user, "role_id": ids("role", number), "node_id": organization}
    writer.write(Grant, count, grant, id=ids("grant", number), **told, **own)
    theirs = {"organization_id": ids("organization", of_row)}
    agent = {"name": "'Agent ' || n", "slug": "'agent-' || n", "owner_id": ids("user", of_row)}
    writer.write(Agent, 5 * count, large.own, id=ids("agent", number), **agent, **theirs, **_times(writer, large, 5 * count))
    run = {**_of_agent(ids("agent", of_row)), "initiator_id": ids("user", of_row), "root_id": ids("exec", number)}
    rest = {**run, **theirs, **_times(writer, large, 10 * count)}
    writer.write(Execution, 10 * count, {**large.own, **_RUN, "status": "succeeded"}, id=ids("exec", number), **rest)


def _places(writer: Writer, large: Large, size: Size) -> None:
    """Ten departments to a branch and five projects to a department, where there is as much of everything."""
    ids, root = writer.words.id, f"'/{large.organization_id}/'"
    of_department = f"1 + (n - 1) / 10 % {size.branches}"
    project_in = f"1 + (n - 1) / 5 % {size.departments}"
    above_project = f"1 + ({project_in} - 1) / 10 % {size.branches}"
    in_branch = f"{root} || {ids('branch', of_department)} || '/'"
    in_department = f"{root} || {ids('branch', above_project)} || '/' || {ids('dept', project_in)} || '/'"
    kinds: Any = (
        (Branch, "branch", size.branches, {}, root, f"'{large.organization_id}'", 1),
        (Department, "dept", size.departments, {"branch_id": ids("branch", of_department)}, in_branch, ids("branch", of_department), 2),
        (
            Project, "project", size.projects,
            {"branch_id": ids("branch", above_project), "department_id": ids("dept", project_in)}, in_department,
            ids("dept", project_in), 3,
        ),
    )  # fmt: skip
    for model, prefix, count, places, above, parent, depth in kinds:
        times, own = _times(writer, large, count), ids(prefix)
        code = "key" if model is Project else "code"
        named = {"name": f"'{model.__name__} ' || n", code: "'C' || n"}
        writer.write(model, count, {**large.own, "name": ""}, id=own, **named, **places, **times)
        node = {"kind": model.__name__.lower(), "depth": depth, **large.own}
        writer.write(Node, count, node, id=own, parent_id=parent, path=f"{above} || {own} || '/'", **times)


def _people(writer: Writer, large: Large, size: Size) -> None:
    ids, user = writer.words.id, writer.words.id("user")
    times = _times(writer, large, size.users)
    writer.write(User, size.users, {}, id=user, name="'Person ' || n", email="'member-' || n || '@example.org'", **times)
    place = {"department_id": ids("dept", f"1 + n % {size.departments}")}
    writer.write(Membership, size.users, large.own, id=ids("membership"), user_id=user, **place, **times)
    session = {"current_organization_id": large.organization_id, "expires_at": None, "device": "Firefox on Linux"}
    later = {"last_seen_at": times["created_at"], "expires_at": writer.words.moment(f"{large.until} + 86400 + n")}
    writer.write(Session, size.users, session, id=ids("session"), user_id=user, **later, **times)
    teams = _times(writer, large, size.teams)
    writer.write(Team, size.teams, large.own, id=ids("team"), name="'Team ' || n", slug="'team-' || n", **teams)
    member = {
        "team_id": ids("team", f"1 + n % {size.teams}"),
        "user_id": ids("user", f"1 + (n + n / {size.teams}) % {size.users}"),
    }
    writer.write(TeamMember, 4 * size.teams, large.own, id=ids("teammember"), **member, **_times(writer, large, 4 * size.teams))
    key = {**large.own, "scopes": ["agents:read"], "prefix": "aasim_k", "last_four": "abcd"}
    told = {"user_id": user, "name": "'Key ' || n", "digest": "'digest-' || n"}
    writer.write(ApiKey, size.keys, key, id=ids("apikey"), **told, **_times(writer, large, size.keys))


def _grants(writer: Writer, large: Large, size: Size) -> None:
    ids, roles = writer.words.id, [f"'{large.roles[name]}'" for name in ("viewer", "builder", "operator", "approver")]
    role = cases({f"n % 4 = {place}": held for place, held in enumerate(roles[:-1])}, roles[-1])
    node = cases({"n % 3 = 0": f"'{large.organization_id}'", "n % 3 = 1": ids("dept", f"1 + n % {size.departments}")},
                 ids("project", f"1 + n % {size.projects}"))  # fmt: skip
    held = {"role_id": role, "node_id": node}
    who = {"subject_id": cases({f"n <= {size.users}": ids("user")}, ids("team"))}
    kind = {"subject_type": cases({f"n <= {size.users}": "'user'"}, "'team'")}
    writer.write(Grant, size.grants, large.own, id=ids("grant"), **kind, **who, **held, **_times(writer, large, size.grants))


def _agents(writer: Writer, large: Large, size: Size) -> None:
    ids, times = writer.words.id, _times(writer, large, size.agents)
    place = {
        "project_id": cases({"n % 10 > 0": ids("project", f"1 + n % {size.projects}")}),
        "owner_id": ids("user", f"1 + n % {size.users}"),
        "visibility": cases({"n % 3 = 0": "'private'"}, "'organization'"),
    }
    agent = {**large.own, "tags": ["mail", "summary"], "instructions": "Summarize the message in one sentence."}
    named = {"name": "'Worker ' || n", "slug": "'worker-' || n"}
    writer.write(Agent, size.agents, agent, id=ids("agent"), **named, **place, **times)
    version = {**large.own, "number": 1, "definition": {"instructions": "Summarize the message in one sentence."}}
    writer.write(AgentVersion, size.agents, version, id=ids("agentversion"), agent_id=ids("agent"), **times)


_RUN: Mapping[str, Any] = {
    "kind": "agent", "subject_type": "agent", "subject_version": 1, "agent_version": 1, "label": "Worker",
    "input": {"message": "Ada asks for the minutes of Monday."},
    "output": {"text": "Ada wants the minutes."}, "trigger": {"type": "api", "id": None}, "input_tokens": 20, "output_tokens": 9,
}  # fmt: skip


def _of_agent(agent_id: str) -> dict[str, str]:
    return {"subject_id": agent_id, "agent_id": agent_id}


def _runs(writer: Writer, large: Large, size: Size) -> None:
    """Most of them ended well; some wait or are queued; a tenth has no project, and every fiftieth one of the first department."""
    ids, count = writer.words.id, size.runs
    began = f"{large.until - MONTH} + n * {MONTH} / {count}"
    status = {"n % 100 = 13": "'failed'", "n % 500 = 7": "'timed_out'", "n % 300 = 11": "'cancelled'"}
    going = {"n % 2000 = 3": "'waiting'", f"n > {count} - 20": "'queued'"}
    is_over = "n % 2000 <> 3 AND n <= " + str(count - 20)
    is_child = "n % 40 = 5"
    differing = {
        **_of_agent(ids("agent", f"1 + n % {BUSY_AGENTS}")),
        "project_id": cases(
            {"n % 50 = 0": ids("project", "1 + n / 50 % 5"), "n % 10 = 1": "NULL"}, ids("project", f"6 + n % {BUSY_PROJECTS - 5}")
        ),
        "initiator_id": ids("user", f"1 + n % {min(1000, size.users)}"),
        "status": cases({**going, **status}, "'succeeded'"),
        "waiting_for": cases({f"n % 4000 = 3 AND n <= {count - 20}": "'approval'", "n % 2000 = 3": "'time'"}),
        "error_code": cases({"n % 100 = 13": "'engine_error'", "n % 500 = 7": "'timed_out'", "n % 300 = 11": "'cancelled'"}),
        "parent_id": cases({is_child: ids("exec", "n - 1")}),
        "root_id": cases({is_child: ids("exec", "n - 1")}, ids("exec")),
        "retry_of": cases({"n % 900 = 17": ids("exec", "n - 2")}),
        "trigger_type": cases({is_child: "'agent'", "n % 900 = 17": "'retry'"}, "'api'"),
        "metadata": cases({"n % 20 = 9": """'{"ticket":"T-' || n || '"}'"""}, "'{}'"),
        "started_at": cases({f"n <= {count - 20}": writer.words.moment(f"{began} + 1")}),
        "finished_at": cases({is_over: writer.words.moment(f"{began} + 2 + n % 60")}),
        **_times(writer, large, count),
    }
    pattern = {**large.own, **_RUN, "status": ""}
    writer.write(Execution, count, pattern, id=ids("exec"), **differing)


def _details(writer: Writer, large: Large, size: Size) -> None:
    ids, times = writer.words.id, _times(writer, large, size.steps)
    step = {**large.own, "number": 1, "name": "engine", "result": {"text": "Ada wants the minutes."}}
    moments = {"started_at": times["created_at"], "finished_at": times["created_at"], **times}
    writer.write(Step, size.steps, step, id=ids("step"), execution_id=ids("exec", f"1 + n % {size.runs}"), **moments)
    line = {**large.own, "level": "info", "event": "engine", "message": "The engine answered in 1.2 seconds."}
    each = {"execution_id": ids("exec", f"1 + (n - 1) / 3 % {size.runs}"), "sequence": "1 + (n - 1) % 3"}
    writer.write(LogEntry, size.lines, line, occurred_at=_times(writer, large, size.lines)["created_at"], **each)


def _events(writer: Writer, large: Large, size: Size) -> None:
    """Five sixths of them are sealed; actions and actors are as uneven as they are in life."""
    ids, count = writer.words.id, size.events
    differing = {
        "at": _times(writer, large, count)["created_at"],
        "actor_type": cases(
            {"n % 20 = 0": "'api_key'", "n % 50 = 1": "'system'", "n % 5000 = 3": "'plugin'", f"n = {count} / 2": "'anonymous'"},
            "'user'",
        ),
        "actor_id": cases({"n % 50 = 1": "NULL"}, ids("user", f"1 + n % {size.users}")),
        "name": cases(
            {"n % 3 = 0": "'executions.created'", "n % 3 = 1": "'executions.started'", "n % 1000 = 2": "'agents.updated'",
             f"n = {count} / 3": "'organizations.updated'"}, "'executions.succeeded'",
        ),
        "subject_type": cases({"n % 1000 = 2": "'agent'", f"n = {count} / 3": "'organization'"}, "'execution'"),
        "subject_id": cases({"n % 1000 = 2": ids("agent", f"1 + n % {size.agents}")}, ids("exec", f"1 + n / 3 % {size.runs}")),
        "outcome": cases({"n % 3000 = 5": "'denied'", "n % 2000 = 9": "'failed'"}, "'success'"),
        "request_id": cases({"n % 50 = 1": "NULL"}, "'request' || n"),
    }  # fmt: skip
    pattern = {
        **large.own, "actor_type": "", "actor_label": "Ada", "name": "", "subject_type": "", "subject_label": "Worker",
        "data": {"kind": "agent", "agent_id": "agent_01h455vb4pex5vsknk084sn02q"},
    }  # fmt: skip
    writer.write(EventRow, count, pattern, id=ids("evt"), **differing)
    entry = {**large.own, "version": 1, "hash": _HASH, "previous_hash": _HASH}
    writer.write(ChainEntry, count * 5 // 6, entry, event_id=ids("evt"), sequence="n")


def _approvals(writer: Writer, large: Large, size: Size) -> None:
    """Two ninths are pending; each is put to a role, a team or a member."""
    ids, count = writer.words.id, size.approvals
    seconds = f"{large.until - MONTH} + n * {MONTH} / {count}"
    is_open = f"n % 9 < 2 AND n < {count}"
    differing = {
        "status": cases({is_open: "'pending'", "n % 9 < 6": "'approved'", "n % 100 = 8": "'expired'"}, "'rejected'"),
        "execution_id": ids("exec", f"1 + n % {size.runs}"),
        "project_id": ids("project", f"1 + n % {BUSY_PROJECTS}"),
        "agent_id": ids("agent", f"1 + n % {BUSY_AGENTS}"),
        "tool": cases({"n % 4000 = 1": "'rare_tool'"}, "'tool_' || n % 20"),
        "risk": cases({"n % 10 = 0": "'high'", "n % 3 = 0": "'low'"}, "'medium'"),
        "risk_rank": cases({"n % 10 = 0": "2", "n % 3 = 0": "0"}, "1"),
        "level": cases({"n % 50 = 0": "2", "n % 5000 = 7": "3"}, "1"),
        "policy_id": cases({"n % 4000 = 1": ids("policy", "99")}, ids("policy", "1 + n % 10")),
        "initiator_id": ids("user", f"1 + n % {size.users}"),
        "due_at": writer.words.moment(f"{seconds} + 3600"),
        **_times(writer, large, count),
    }
    pattern = {**large.own, "title": "Pay an invoice", "summary": "212.40 EUR to Lovelace & Co.", "action_hash": _HASH,
               "due_seconds": 3600, "payload": {"tool": "pay", "arguments": {"amount": 212.4}}}  # fmt: skip
    writer.write(Approval, count, pattern, id=ids("approval"), **differing)
    kinds = {"n % 3 = 0": "'role'", "n % 3 = 1": "'team'"}
    subject = {"n % 3 = 0": f"'{large.roles['approver']}'", "n % 3 = 1": ids("team", f"1 + n % {size.teams}")}
    put = {
        "approval_id": ids("approval"),
        "level": differing["level"],
        "type": cases(kinds, "'user'"),
        "subject_id": cases(subject, ids("user", f"1 + n % {size.users}")),
        "is_open": cases({is_open: "TRUE"}, "FALSE"),
    }
    writer.write(Assignee, count, {**large.own, "level": 1, "type": ""}, **put)
