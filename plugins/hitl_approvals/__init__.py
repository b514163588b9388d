"""Approvals: people decide before an agent acts."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from aasim_core import App, Event, Job, Listener, Permission, Plugin, Resource, Row, hookimpl

from . import api, rules_api, with_executions
from .jobs import jobs_of
from .listeners import listeners_of
from .models import Approval, Assignee, Delegation, Policy, Vote
from .service import Approvals

if TYPE_CHECKING:
    from ..executions.hookspecs import Keeper, Reviewer

plugin = Plugin(
    "Approvals",
    "People decide before an agent acts: policies, votes, delegation and escalation.",
    requires=("agents", "executions"),
    uses=("branches", "departments", "rubrics"),
)

_EVERYBODY = ("builder", "operator", "approver", "viewer", "auditor")


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
    told = {"execution_id": "The run that waits.", "level": "1, and one more with each escalation."}
    ended = told | {"comment": "What was said."}
    return (
        Event("hitl_approvals.requested", "An approval was asked for", "approval", told | {"risk": "low, medium or high"}),
        Event("hitl_approvals.voted", "Somebody approved, and more must", "approval", told | {"choice": "approve"}),
        Event("hitl_approvals.approved", "An approval was given", "approval", ended),
        Event("hitl_approvals.rejected", "An approval was refused", "approval", ended),
        Event("hitl_approvals.escalated", "An approval was put to somebody else", "approval",
              told | {"reason": "Why.", "assignees": "To whom."}),
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
def listeners(app: App) -> Sequence[Listener]:
    """An execution that ends closes its approvals; a member who is removed ends their delegations."""
    return listeners_of()


@hookimpl
def jobs(app: App) -> Sequence[Job]:
    """Mails to those who may decide, and the end of their time."""
    return jobs_of(app, Approvals(app))


@hookimpl
def routes(app: App) -> Sequence[Resource]:
    """The endpoints under /hitl-approvals."""
    approvals = Approvals(app)
    own = rules_api.Policies(app), rules_api.Delegations(app), api.Approvals(app, approvals)
    if "rubrics" not in {plugin.name for plugin in app.plugins.on}:
        return own
    from . import with_rubrics

    return *own, with_rubrics.ApprovalExamples(approvals.eligibility)


@hookimpl
def reviewers(app: App) -> "Sequence[Reviewer]":
    """The questions of executions are put to people here."""
    return (with_executions.reviewer(app),)


@hookimpl
def keepers(app: App) -> "Sequence[Keeper]":
    """Approvals go with the runs that they are of."""
    return (with_executions.keeper(),)
