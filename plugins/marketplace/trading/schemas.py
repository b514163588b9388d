"""Requests and responses of upgrades."""

from typing import Any

from marshmallow import validates

from aasim_core.schemas.fields import Boolean, Id, Integer, Json, ListOf, Object, Text, wrong
from aasim_core.schemas.schema import Schema

from ..schemas import AgreedIn, AnyPlanOut, LackOut, PurchaseOut

_SIDES = ("mine", "theirs")


class UpgradeIn(AgreedIn):
    """The agreement, and the decisions about conflicting fields."""

    consent = ListOf(
        Text(1, 200), 64, unique=True, load_default=list, description="Keys of the tools whose new effects you agree to."
    )
    decisions = Json(
        object_only=True, load_default=dict, description='By the name of a field in conflict, "mine" or "theirs".',
        example={},
    )  # fmt: skip

    @validates("decisions")
    def _are_sides(self, value: Any, data_key: str) -> None:
        if not all(side in _SIDES for side in value.values()):
            raise wrong("invalid_choice", 'Write "mine" or "theirs" for each field.')


class ChangeOut(Schema):
    """A field of the agent that the newer release changes."""

    field = Text(required=True, example="instructions")
    conflict = Boolean(required=True, description="Whether your copy changed it too, so that a decision is required.")
    base = Json(allow_none=True, required=True, description="As purchased, or last upgraded.")
    theirs = Json(allow_none=True, required=True, description="In the newer release.")
    mine = Json(allow_none=True, required=True, description="In your copy.")


class UpgradePlanOut(AnyPlanOut):
    """The result of an upgrade."""

    purchase_id = Id("purchase", required=True)
    agent_id = Id("agent", required=True, description="The copy.")
    from_release = Integer(required=True, description="The copy's release.")
    changes = ListOf(Object(ChangeOut), required=True)
    consents = ListOf(Object(LackOut), required=True, description="Tools that the request must name in consent.")


class UpgradedOut(Schema):
    """The plan, and its result."""

    planned = Boolean(required=True, description="Whether nothing was changed.")
    plan = Object(UpgradePlanOut, required=True)
    purchase = Object(PurchaseOut, allow_none=True, required=True)
