"""``aasim subscriptions``: put an organization on any plan."""

import click

from aasim_core import App, InvalidArgument
from aasim_core.context import organization_scope, system_scope
from aasim_core.data.records import find_or_none
from aasim_core.tenancy.records import Organization
from aasim_core.text.suggestions import did_you_mean

from . import service
from .plans.catalog import plans_of


def assign(app: App) -> click.Command:
    """``aasim subscriptions assign``."""

    @click.command("assign", help="Put the organization ID on a plan from now on, whether that is offered or not.")
    @click.argument("organization_id", metavar="ID")
    @click.argument("plan_id", metavar="PLAN")
    def command(organization_id: str, plan_id: str) -> None:
        plan = plans_of(app).get(plan_id)
        if plan is None:
            known = ", ".join(plans_of(app))
            raise InvalidArgument(f"there is no plan {plan_id}.{did_you_mean(plan_id, plans_of(app))} There are {known}")
        try:
            with app.database.connected(), system_scope("an operator puts an organization on a plan"), app.database.transaction():
                organization: Organization | None = find_or_none(Organization, organization_id)
                if organization is None:
                    raise InvalidArgument(f'there is no organization {organization_id}; "aasim organizations list" shows all')
                with organization_scope(organization_id):
                    service.assign(app, plan)
            click.echo(f"{organization.name} ({organization_id}) is on the plan {plan.title}.")
        finally:
            app.database.close_all()

    return command
