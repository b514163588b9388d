"""Requests and responses of reviews."""

from aasim_core.schemas.fields import Id, Instant, Integer, Text
from aasim_core.schemas.schema import Schema


class ReviewIn(Schema):
    """A buyer's review of a listing."""

    stars = Integer(1, 5, required=True)
    text = Text(max_length=5_000, multiline=True, load_default="", example="It finds what is too expensive.")


class AnswerIn(Schema):
    """The seller's answer to a review."""

    text = Text(1, 5_000, multiline=True, required=True, example="Release 2 is quicker.")


class ReviewOut(Schema):
    """An anonymous review."""

    id = Id("review", required=True)
    listing_id = Id("listing", required=True)
    release = Integer(required=True, description="The buyer's release.")
    stars = Integer(required=True)
    text = Text(max_length=5_000, multiline=True, required=True, example="It finds what is too expensive.")
    answer = Text(
        max_length=5_000,
        multiline=True,
        required=True,
        description="The seller's; empty if there is none.",
        example="Release 2 is quicker.",
    )
    answered_at = Instant(allow_none=True, required=True)
    created_at = Instant(required=True)
    updated_at = Instant(required=True)
