"""Published offers: the only place where an organization reads data of another one, and offers only."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from peewee import SQL

from aasim_core.context import current_organization, system_scope
from aasim_core.data import records
from aasim_core.data.conditions import Condition, all_of, any_of
from aasim_core.data.views import View
from aasim_core.errors import not_found
from aasim_core.ids import is_id

from .models import INSTANCE, PUBLISHED, Offer


def _of_all() -> AbstractContextManager[None]:
    return system_scope("list what is published")


#: An offer as answers have it: by the id of the listing, and without what is the seller's own.
_OWN = ("agent_id", "review_notes", "revenue")
PUBLIC = View(Offer, {"id": Offer.listing_id, **dict.fromkeys(_OWN, SQL("NULL"))}, within=_of_all)


def visible(reach: Sequence[Condition]) -> Condition:
    """Return the offers visible to a caller: their organization's within `reach`, and the published ones of all others."""
    me = current_organization()
    return all_of(Condition(_is_published), any_of(all_of(Condition(_is_own, me=me), *reach), Condition(_is_of_others, me=me)))


def _is_published() -> Any:
    return Offer.status == PUBLISHED


def _is_own(me: Any) -> Any:
    return Offer.organization_id == me


def _is_of_others(me: Any) -> Any:
    return (Offer.organization_id != me) & (Offer.visibility == INSTANCE)


def shown(offer: Offer) -> dict[str, Any]:
    """The offer as `PUBLIC` has it."""
    return {**offer.row(), "id": offer.listing_id, **dict.fromkeys(_OWN)}


def find(listing_id: str) -> Offer:
    """What another organization has published under that id for every one; raises the one 404."""
    found = find_or_none(listing_id)
    if found is None:
        raise not_found()
    return found


def find_or_none(listing_id: str) -> Offer | None:
    """What another organization has published under that id for every one, or None."""
    me = current_organization()
    if not is_id(listing_id, "listing"):
        return None
    with system_scope("read what is published"):
        found: Offer | None = Offer.select().where(Offer.listing_id == listing_id, _is_published(), _is_of_others(me)).first()
    return found


def releases(listing_ids: Iterable[str]) -> Mapping[str, int]:
    """The number of the newest release of those of the listings that are still published, by id of the listing."""
    wanted = list(set(listing_ids))
    if not wanted:
        return {}
    shown = _is_published() & _is_of_others(current_organization())
    with system_scope("look for newer releases of what was bought"):
        rows: Any = Offer.select(Offer.listing_id, Offer.number).where(Offer.listing_id.in_(wanted), shown).tuples()
        return dict(rows)


def alike(name_key: str) -> str | None:
    """The title of another organization's offer that looks like this one; None where there is none.

    Nobody else publishes one until the running transaction ends.
    """
    me = current_organization()
    records.database_of(Offer).lock(f"marketplace/title/{name_key}")
    with system_scope("look for titles that look alike"):
        found = Offer.select(Offer.title).where(Offer.name_key == name_key, _is_published(), _is_of_others(me)).first()
    return None if found is None else str(found.title)
