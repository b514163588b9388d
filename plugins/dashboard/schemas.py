"""What clients ask of the dashboard, and what they get."""

from aasim_core.schemas.fields import Boolean, Id, Instant, Json, ListOf, Number, Object, Text, Timezone
from aasim_core.schemas.schema import Schema


class StatsQuery(Schema):
    """Whose days are meant."""

    timezone = Timezone(description="Whose midnights begin a day; the organization's own if left out.", example="Europe/Vienna")


class FigureOut(Schema):
    """One number of a card."""

    name = Text(required=True, example="running")
    value = Number(required=True, allow_none=True, description="null where there is nothing to tell it from.", example=3)
    is_at_least = Boolean(required=True, description="Whether there are more than were counted.")
    link = Text(max_length=2_000, required=True, allow_none=True, description="The list that it counts.")


class CardErrorOut(Schema):
    """Why a card has no numbers."""

    code = Text(required=True, example="too_slow")
    message = Text(max_length=500, required=True)


class CardOut(Schema):
    """Some numbers about one thing."""

    name = Text(required=True, example="runs")
    title = Text(required=True, example="Runs")
    plugin = Text(required=True, description="Who brings it.", example="executions")
    figures = ListOf(Object(FigureOut), required=True)
    error = Object(CardErrorOut, required=True, allow_none=True)


class DashboardOut(Schema):
    """The cards that are for the caller."""

    read_at = Instant(required=True)
    timezone = Text(required=True, example="Europe/Vienna")
    day_starts_at = Instant(required=True, description="When the day of the numbers began.")
    cards = ListOf(Object(CardOut), required=True)


class PlaceOut(Schema):
    """What the cards tell of a branch or a department, with all that is below."""

    id = Id(required=True)
    kind = Text(required=True, example="department")
    name = Text(required=True, example="Support")
    parent_id = Id(required=True, description="The branch, the department or the organization above.")
    figures = Json(object_only=True, required=True, description="By card, and then by name.")


class OrganizationDashboardOut(DashboardOut):
    """The same, and what belongs to each part of the organization."""

    tree = ListOf(Object(PlaceOut), required=True, description="Those that the caller may know of, each after what it is below.")
