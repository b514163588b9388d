"""The endpoints of reviews."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import ClassVar

from aasim_core import Request, Response, operation
from aasim_core.context import system_scope
from aasim_core.data.conditions import equals
from aasim_core.data.views import View
from aasim_core.lists.paging import read_page
from aasim_core.lists.query import ListQuery
from aasim_core.lists.render_plan import Plan

from ..api import Listings
from ..models import Listing, Review
from ..trading import buying
from . import schemas, writing


def _of_all() -> AbstractContextManager[None]:
    return system_scope("list the reviews of a listing")


_REVIEWS = View(Review, {}, within=_of_all)
_PLAN = Plan(schemas.ReviewOut())


class Reviews(Listings):
    """The reviews of a listing."""

    paths: ClassVar[Mapping[str, str]] = {
        "reviews": "/marketplace/{listing_id}/reviews",
        "answer": "/marketplace/{listing_id}/reviews/{review_id}/answer",
    }
    review_body = schemas.ReviewIn()
    answer_body = schemas.AnswerIn()
    review_reply = schemas.ReviewOut()
    reviews_query = ListQuery(
        schemas.ReviewOut(), filters=("stars", "created_at"), sorts=("created_at", "stars"), default="-created_at"
    )

    @operation("read", query="reviews_query", reply="review_reply", many=True, message="Reviews listed.")
    def on_get_reviews(self, req: Request, resp: Response, listing_id: str) -> None:
        """List the reviews of a listing.

        Reviewers are anonymous.
        """
        question = self.reviews_query.question(req.path, req.query)
        of_listing = (equals(Review.listing_id, listing_id),)
        resp.media = read_page(_REVIEWS, _PLAN.columns, question, of_listing, self.app.keyring, ())

    @operation(
        "purchase",
        body="review_body",
        reply="review_reply",
        status=201,
        also=(200,),
        message="Reviewed.",
        refusals=("invalid_state",),
    )
    def on_post_reviews(self, req: Request, resp: Response, listing_id: str) -> None:
        """Review a listing that your organization has bought and run, or change its review."""
        if isinstance(req.target, Listing):
            raise buying.is_own()
        written, is_new = writing.review(listing_id, req.body["stars"], req.body["text"], req.principal.user_id)
        resp.status, resp.media = 201 if is_new else 200, _PLAN.item(written)
        resp.location = f"/api/v1/marketplace/{listing_id}/reviews"

    @operation("update", body="answer_body", reply="review_reply", message="Answered.")
    def on_post_answer(self, req: Request, resp: Response, listing_id: str, review_id: str) -> None:
        """Answer a review of your listing, or change the answer."""
        resp.media = _PLAN.item(writing.answer(req.target, review_id, req.body["text"]))
