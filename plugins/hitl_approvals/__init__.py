"""Approvals: people decide before an agent acts."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from aasim_core import App, ErrorCode, Event, Job, Listener, Permission, Plugin, Resource, Row, hookimpl
from aasim_core.access.permissions import BuiltInRole
from aasim_core.schemas.fields import Choice, Id, Integer, ListOf, Object, Text

from . import api, with_executions
from .decisions import api as votes_api
from .decisions.ballots import ALREADY_DECIDED
from .jobs import jobs_of
from .listeners import listeners_of
from .models import APPROVE, RISKS, Approval, Assignee, Delegation, Policy, Vote
from .policies import api as rules_api
from .schemas import AssigneeOut
from .service import APPROVALS

if TYPE_CHECKING:
    from ..executions.hookspecs import Keeper, Reviewer

plugin = Plugin(
    "Approvals",
    "People decide before an agent acts: policies, votes, delegation and escalation.",
    requires=("executions",),
    uses=("branches", "dashboard", "departments", "rubrics"),
)

_EVERYBODY: Sequence[BuiltInRole] = ("builder", "operator", "approver", "viewer", "auditor")


@hookimpl
def models(app: App) -> Sequence[type[Row]]:
    """The approval with its assignees and votes; policies and delegations."""
    return Approval, Assignee, Vote, Policy, Delegation


@hookimpl
def permissions(app: App) -> Sequence[Permission]:
    """What roles can allow about approvals."""
    return (
        Permission("hitl_approvals:read", "See approvals", roles=_EVERYBODY),
        Permission("hitl_approvals:decide", "Decide approvals that are put to one, and delegate that", roles=("approver",)),
        Permission("hitl_approvals:manage", "Say what needs an approval, and who decides", dangerous=True),
    )


@hookimpl
def events(app: App) -> Sequence[Event]:
    """What happens to approvals."""
    told = {
        "execution_id": Id("exec", description="The run that waits, if one does."),
        "level": Integer(1, required=True, description="One more with each escalation."),
    }
    ended = told | {"comment": Text(max_length=2_000, multiline=True, description="What was said.")}
    asked = {
        "risk": Choice(*RISKS, required=True),
        "quorum": Integer(1, required=True, description="How many must approve."),
        "reason": Text(max_length=2_000, multiline=True, description="Why approval is requested again."),
        "replaces": Id("approval", description="The approval of the previous action."),
    }
    passed_up = {
        "reason": Text(max_length=2_000, multiline=True, required=True, description="Why, in words."),
        "assignees": ListOf(Object(AssigneeOut), 1_000, required=True, description="To whom."),
    }
    return (
        Event("hitl_approvals.requested", "An approval was asked for", "approval", told | asked),
        Event("hitl_approvals.voted", "Somebody approved, and more must", "approval",
              told | {"choice": Choice(APPROVE, required=True)}),
        Event("hitl_approvals.vote_withdrawn", "Somebody took back a vote", "approval", told),
        Event("hitl_approvals.approved", "An approval was given", "approval", ended),
        Event("hitl_approvals.rejected", "An approval was refused", "approval", ended),
        Event("hitl_approvals.escalated", "An approval was put to somebody else", "approval", told | passed_up),
        Event("hitl_approvals.expired", "Nobody decided an approval in time; it is not approved", "approval", ended),
        Event("hitl_approvals.cancelled", "An approval was closed with its execution", "approval", told),
        Event("hitl_approvals.policy_created", "A policy of approvals was created", "policy"),
        Event("hitl_approvals.policy_updated", "A policy of approvals was changed", "policy"),
        Event("hitl_approvals.policy_deleted", "A policy of approvals was deleted", "policy"),
        Event("hitl_approvals.delegation_created", "Somebody lets somebody else decide for them", "delegation"),
        Event("hitl_approvals.delegation_updated", "A delegation was changed", "delegation"),
        Event("hitl_approvals.delegation_deleted", "A delegation was ended", "delegation"),
    )  # fmt: skip


@hookimpl
def error_codes(app: App) -> Sequence[ErrorCode]:
    """What is answered to a decision that comes too late."""
    return (ALREADY_DECIDED,)


@hookimpl
def listeners(app: App) -> Sequence[Listener]:
    """An execution that ends closes its approvals; a member who is removed ends their delegations."""
    return listeners_of()


@hookimpl
def jobs(app: App) -> Sequence[Job]:
    """Mails to those who may decide, and the end of their time."""
    return jobs_of(app, app.stash.of(APPROVALS))


@hookimpl
def routes(app: App) -> Sequence[Resource]:
    """The endpoints under /hitl-approvals."""
    approvals = app.stash.of(APPROVALS)
    own = rules_api.Policies(app), rules_api.Delegations(app), api.Approvals(app, approvals), votes_api.Votes(approvals)
    if not app.plugins.is_on("rubrics"):
        return own
    from . import with_rubrics

    return *own, with_rubrics.ApprovalExamples(approvals.eligibility)


@hookimpl
def reviewers(app: App) -> "Sequence[Reviewer]":
    """The reviewer that puts questions of executions to people."""
    return (with_executions.reviewer(app),)


@hookimpl
def keepers(app: App) -> "Sequence[Keeper]":
    """Approvals go with the runs that they are of."""
    return (with_executions.keeper(),)


@hookimpl(optionalhook=True)
def dashboard_cards(app: App) -> Sequence[Any]:
    """Approvals that wait."""
    from . import with_dashboard

    return (with_dashboard.CARD,)
