"""Requests and responses of bundles."""

from aasim_core.schemas.fields import Boolean, ListOf, Object, Patterned, Text
from aasim_core.schemas.schema import Schema

from ..schemas import AnyPlanOut, LackOut, ListingOut, PriceIn, PurchaseIn, ScoreOut

_WRITTEN = "base64url, as the file has it"


class BundleIn(Schema):
    """A signed listing: a JWS (RFC 7515) in its flattened JSON form, signed with Ed25519 over canonical JSON (RFC 8785)."""

    protected = Patterned(
        "[A-Za-z0-9_-]+", _WRITTEN, max_length=1_000, required=True, description="The header, with the key as kid."
    )
    payload = Patterned("[A-Za-z0-9_-]+", _WRITTEN, max_length=4_000_000, required=True, description="The listing and its agent.")
    signature = Patterned("[A-Za-z0-9_-]+", _WRITTEN, max_length=200, required=True)


class BundleOut(BundleIn):
    """A signed listing to import."""


class ImportIn(PurchaseIn):
    """A bundle, and how its agent is created."""

    bundle = Object(BundleIn, required=True)
    again = Boolean(load_default=False, description="Make another agent, although this release was imported before.")


class ImportPlanOut(AnyPlanOut):
    """The result of an import."""

    title = Text(required=True)
    price = Object(PriceIn, required=True)
    seller_name = Text(required=True)
    signed_by = Text(required=True, description="The operator's name for the owner of the key.")
    key = Text(required=True)
    scorecard = ListOf(Object(ScoreOut), required=True)
    differences = ListOf(
        Object(LackOut), required=True, description="Tools and model that differ from those with which the listing was scored."
    )


class ImportedOut(Schema):
    """The plan, and its result."""

    planned = Boolean(required=True, description="Whether nothing was changed.")
    plan = Object(ImportPlanOut, required=True)
    listing = Object(ListingOut, allow_none=True, required=True, description="A draft; null with plan=true.")
