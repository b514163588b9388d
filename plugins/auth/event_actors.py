"""The actor of events before a session exists, such as a login or a password reset."""

from collections.abc import Iterator
from contextlib import contextmanager

from aasim_core.context import Actor, acting_as, current_request_id
from aasim_core.events.log import Subject
from aasim_core.identity.clients import Client
from aasim_core.tenancy.records import User


def subject_of(user: User) -> Subject:
    """The account as an event names it: by its address."""
    return Subject("user", user.id, user.email)


@contextmanager
def acting_for(user: User, client: Client) -> Iterator[None]:
    """Make the person the actor of events inside the block."""
    with acting_as(Actor("user", user.id, user.email, client.ip), current_request_id()):
        yield
