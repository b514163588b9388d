"""The part of the contract suite about permissions that are held in a part of the organization."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from ...http.operations import Endpoint
from ..reporting import demand, demand_none
from .stage import TENANT, Stage, name_of
from .terms import for_each, has_permission, is_list

_AN_ID = re.compile(r"[a-z][a-z_]{0,61}[a-z]_[0-7][0-9a-hjkmnp-tv-z]{25}")


def _keeps_to_its_reach(endpoint: Endpoint) -> bool:
    """Whether it answers holders of its permission at any node, each according to their reach."""
    return endpoint.reach in ("rows", "own", "common")


def _needs_the_place(endpoint: Endpoint) -> bool:
    """Those that are refused to holders of their permission at another node."""
    for_all = endpoint.operation.about_caller or endpoint.resource.common
    return has_permission(endpoint) and (endpoint.needs_organization or not (for_all or _keeps_to_its_reach(endpoint)))


def _restricts_itself(endpoint: Endpoint) -> bool:
    return endpoint.permission is not None and _keeps_to_its_reach(endpoint)


class ReachContract:
    """What somebody may whose permissions are limited to a department."""

    everywhere: ClassVar[Mapping[str, str]]

    @for_each(_needs_the_place)
    def test_a_permission_held_at_one_place_is_held_there_only(self, stage: Stage, endpoint: Endpoint) -> None:
        """403, or the 404 of nothing, to a member who holds every permission, and at another department; `everywhere` has what
        holders at any node may do, with the reason."""
        if name_of(endpoint) in self.everywhere:
            return
        path, content = stage.hidden.address(endpoint, stage.owner), stage.content(endpoint, stage.owner)
        exchange = stage.ask(endpoint.method, path, stage.narrow, **content)
        # A body may name what the member does not know of, which is told first.
        wanted = (403, 404, 422) if endpoint.reach == "place" else (403, 404)
        problem = (
            f"{exchange}\nto a member who holds {endpoint.permission} at another place; it must answer 403 permission_denied"
        )
        demand(exchange.status in wanted, problem)

    @for_each(_restricts_itself)
    def test_it_names_nothing_that_is_not_there_for_its_reader(self, stage: Stage, endpoint: Endpoint) -> None:
        """To a member who holds every permission, and at one department, no id of an object whose own path is a 404 for them."""
        path = stage.add_row(endpoint, stage.owner) if is_list(endpoint) else stage.address(endpoint, stage.owner)
        content = stage.content(endpoint, stage.owner)
        exchange = stage.ask(endpoint.method, path, stage.narrow, **content)
        demand(exchange.status != 403, f"{exchange}\nto a member who holds its permission at a department; it declares its reach")
        if exchange.succeeded:
            named = set(_AN_ID.findall(exchange.content.decode(errors="replace"))) - set(_AN_ID.findall(f"{path} {content}"))
            demand_none([f"{exchange}\nnames {each}, which is a 404 for its reader" for each in _not_there(stage, named)])


def _not_there(stage: Stage, ids: set[str]) -> Iterator[str]:
    """Those of the ids whose objects can be read by themselves, and not by the member of a department."""
    singles = {_prefix(each): each for each in stage.endpoints.values() if _reads_one_of_a_kind(each)}
    for record_id in sorted(ids):
        single = singles.get(record_id.rpartition("_")[0])
        if single is not None and TENANT not in single.path_ids:  # what is public names its organization
            path = stage.filled(single.template, dict.fromkeys(single.path_ids, record_id))
            if stage.ask("GET", path, stage.narrow).status == 404:
                yield record_id


def _reads_one_of_a_kind(endpoint: Endpoint) -> bool:
    return endpoint.method == "GET" and len(endpoint.path_ids) == 1 and endpoint.template.endswith("}")


def _prefix(endpoint: Endpoint) -> str:
    """The prefix of the ids that the path takes."""
    record: Any = getattr(endpoint.resource, "record", None)
    return getattr(getattr(record, "_meta", None), "id_prefix", None) or endpoint.path_ids[0].removesuffix("_id")
