"""What rights are loaded as, what lists show and what may be given, held against a naive reading of the rules in random organizations."""

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
import time_machine

from aasim_core.access.delegation import Delegator
from aasim_core.access.records import Node
from aasim_core.access.rights import Rights
from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.data.conditions import all_of
from aasim_core.errors import Refused
from aasim_core.tenancy.principal import Principal

from .landscapes import BUILT_IN, ENDS, MOMENT, PERMISSIONS, Landscape, plant, wander

A_FEW, MANY = 1_000, 2_500
_AT_ONCE = 100


def landscapes(app: App, seed: int, number: int) -> Iterator[tuple[Random, Landscape]]:
    """So many random organizations, which are in the database when they come."""
    built_in = frozenset(name for name, declared in app.permissions.items() if BUILT_IN in declared.roles)
    for start in range(0, number, _AT_ONCE):
        randoms = [Random(f"{seed} {n}") for n in range(start, start + _AT_ONCE)]  # noqa: S311 - the same each time, on purpose
        lands = [wander(random, built_in) for random in randoms]
        with app.database.transaction():
            plant(lands)
        for random, land in zip(randoms, lands, strict=True):
            with organization_scope(land.organization.id):
                yield random, land


def principal_of(land: Landscape, user: str) -> Principal:
    return Principal("user", user, land.organization.id, 1, "somebody")


def rights_by_key(app: App, land: Landscape) -> Rights:
    key = land.key
    assert key is not None
    place = None if key.node is None else land.ids[key.node]
    by_key = Principal("api_key", key.user, land.organization.id, 1, "a key", api_key_id=key.id, scopes=key.scopes, node_id=place)
    return app.rights.of(by_key)


def allowed(rights: Rights, land: Landscape, permission: str) -> set[int]:
    """Where the checker lets the permission through."""
    return {node for node, node_id in enumerate(land.ids) if rights.allows_at(permission, node_id if node else None)}


def listed(app: App, rights: Rights, permission: str) -> set[str]:
    """What a list of the places shows."""
    condition = all_of(*rights.reach_condition(permission, Node, "id"))
    query = Node.select(Node.id).where(condition.with_values())
    return {node.id for node in query}


def compare(app: App, seed: int, number: int) -> None:
    for random, land in landscapes(app, seed, number):
        for user in land.users:
            rights = app.rights.of(principal_of(land, user))
            for permission in PERMISSIONS:
                expected = {node for node in range(len(land.ids)) if land.may(user, permission, node)}
                assert allowed(rights, land, permission) == expected, (land, user, permission)
                assert rights.has_anywhere(permission) is bool(expected), (land, user, permission)
            permission = random.choice(PERMISSIONS)
            expected = {node for node in range(len(land.ids)) if land.may(user, permission, node)}
            assert listed(app, rights, permission) == {land.ids[node] for node in expected}, (land, user, permission)
        if land.key is not None:
            for permission in PERMISSIONS:
                expected = {node for node in range(len(land.ids)) if land.may_by_key(land.key, permission, node)}
                assert allowed(rights_by_key(app, land), land, permission) == expected, (land, permission)


def compare_giving(app: App, seed: int, number: int) -> None:
    for random, land in landscapes(app, seed, number):
        for user in land.users:
            granter = Delegator.of(app.rights, principal_of(land, user))
            node, until = random.randrange(len(land.ids)), random.choice([None, *(end for end in ENDS if end and end > MOMENT)])
            role = land.roles[random.randrange(3)]
            expected = all(land.may_until(user, permission, node, until) for permission in role)
            assert may_give(granter, role, land.ids[node], until) is expected, (land, user, role, node, until)


def may_give(granter: Delegator, permissions: frozenset[str], node_id: str, until: Any) -> bool:
    try:
        granter.require_permissions(permissions, node_id, until)
    except Refused:
        return False
    return True


@pytest.fixture(autouse=True)
def _at_the_moment() -> Iterator[None]:
    with time_machine.travel(MOMENT, tick=False):
        yield


@pytest.mark.long
def test_checks_and_lists_say_what_the_rules_say(app: App) -> None:
    compare(app, seed=1, number=A_FEW)


@pytest.mark.long
def test_what_may_be_given_is_what_the_rules_say(app: App) -> None:
    compare_giving(app, seed=2, number=A_FEW)


@pytest.mark.long
def test_checks_and_lists_say_what_the_rules_say_in_many_more(app: App) -> None:
    compare(app, seed=3, number=MANY)


@pytest.mark.long
def test_what_may_be_given_is_what_the_rules_say_in_many_more(app: App) -> None:
    compare_giving(app, seed=4, number=MANY)
