"""Requests and responses of the dashboard."""

from aasim_core.schemas.fields import Boolean, Id, Instant, Json, ListOf, Number, Object, Text, Timezone
from aasim_core.schemas.schema import Schema


class StatsQuery(Schema):
    """The time zone."""

    timezone = Timezone(description="Time zone of the days; the organization's own by default.", example="Europe/Vienna")


class FigureOut(Schema):
    """One number of a card."""

    name = Text(required=True, example="running")
    value = Number(required=True, allow_none=True, description="null if there is no basis for it.", example=3)
    is_at_least = Boolean(required=True, description="Whether the count was cut off at this number.")
    link = Text(max_length=2_000, required=True, allow_none=True, description="The list that it counts.")


class CardErrorOut(Schema):
    """Why a card has no figures."""

    code = Text(required=True, example="too_slow")
    message = Text(max_length=500, required=True)


class CardOut(Schema):
    """Key figures about one subject."""

    name = Text(required=True, example="runs")
    title = Text(required=True, example="Runs")
    plugin = Text(required=True, description="Who brings it.", example="executions")
    figures = ListOf(Object(FigureOut), required=True)
    error = Object(CardErrorOut, required=True, allow_none=True)


class DashboardOut(Schema):
    """The caller's cards."""

    read_at = Instant(required=True)
    timezone = Text(required=True, example="Europe/Vienna")
    day_starts_at = Instant(required=True, description="When the day of the figures began.")
    cards = ListOf(Object(CardOut), required=True)


class PlaceOut(Schema):
    """The figures of a branch or department, including everything below."""

    id = Id(required=True)
    kind = Text(required=True, example="department")
    name = Text(required=True, example="Support")
    parent_id = Id(required=True, description="The parent branch, department or organization.")
    figures = Json(object_only=True, required=True, description="By card, and then by name.")


class OrganizationDashboardOut(DashboardOut):
    """The same, with the figures of each part of the organization."""

    tree = ListOf(Object(PlaceOut), required=True, description="Parts that the caller may see, each after its parent.")
