"""What clients write about reviews, and what they get."""

from aasim_core.schemas.fields import Id, Instant, Integer, Text
from aasim_core.schemas.schema import Schema


class ReviewIn(Schema):
    """What a buyer says of a listing."""

    stars = Integer(1, 5, required=True)
    text = Text(max_length=5_000, multiline=True, load_default="", example="It finds what is too expensive.")


class AnswerIn(Schema):
    """What the seller says to a review."""

    text = Text(1, 5_000, multiline=True, required=True, example="Release 2 is quicker.")


class ReviewOut(Schema):
    """A review; whose it is nobody learns."""

    id = Id("review", required=True)
    listing_id = Id("listing", required=True)
    release = Integer(required=True, description="The release that the buyer had.")
    stars = Integer(required=True)
    text = Text(max_length=5_000, multiline=True, required=True, example="It finds what is too expensive.")
    answer = Text(
        max_length=5_000,
        multiline=True,
        required=True,
        description="The seller's; empty for none.",
        example="Release 2 is quicker.",
    )
    answered_at = Instant(allow_none=True, required=True)
    created_at = Instant(required=True)
    updated_at = Instant(required=True)
