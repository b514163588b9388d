"""Requests and responses of activities."""

from aasim_core.resources.exports import MOST_IN_JSON
from aasim_core.schemas.fields import Boolean, Choice, Id, Instant, Integer, Json, ListOf, Object, Text, Word
from aasim_core.schemas.schema import Schema

_LABEL = 1000

#: Retention of activities in days.
RETENTION = Integer(30, 3650, load_default=400, description="How many days activities are retained.")
#: Whether removed members are erased from the organization's log.
ERASE_REMOVED_MEMBERS = Boolean(
    load_default=False, description="Erase the names and addresses of members from the activities when they are removed."
)

_ACTORS = ("user", "api_key", "system", "plugin", "anonymous")
_OUTCOMES = ("success", "denied", "failed")


class ActorOut(Schema):
    """The actor."""

    type = Choice(*_ACTORS, required=True)
    id = Text(allow_none=True, required=True)
    label = Text(max_length=_LABEL, required=True, description="The name or address at that time.")
    ip = Text(allow_none=True, required=True)


class SubjectOut(Schema):
    """The subject."""

    type = Text(required=True, description="The prefix of its id, such as agent.", example="agent")
    id = Text(allow_none=True, required=True)
    label = Text(max_length=_LABEL, required=True, description="The name at that time.")


class ErasedOut(Schema):
    """The remains of erased contents, for verification of the others."""

    digests = Json(
        object_only=True, required=True, description="The digest of each erased field, by its name, such as actor.label."
    )
    keys = Json(object_only=True, required=True, description="Keys of the digests of the other fields.")


class ActivityOut(Schema):
    """One event or refused attempt."""

    id = Id("evt", required=True)
    organization_id = Id("organization", required=True)
    sequence = Integer(1, allow_none=True, required=True, description="Position in the log; null until it is sealed.")
    occurred_at = Instant(required=True)
    actor = Object(ActorOut, required=True)
    action = Text(required=True, example="agents.created")
    subject = Object(SubjectOut, required=True)
    subject_revision = Integer(
        1,
        allow_none=True,
        required=True,
        description="The version that the change gave the subject; null if it has none of its own.",
    )
    outcome = Choice(*_OUTCOMES, required=True)
    changes = Json(object_only=True, allow_none=True, required=True, description="Each field with its values before and after.")
    data = Json(object_only=True, allow_none=True, required=True, description="Further data.")
    request_id = Word(allow_none=True, required=True)
    hash = Text(allow_none=True, required=True, description="SHA-256 of the activity at its position; null until it is sealed.")
    previous_hash = Text(allow_none=True, required=True, description="The hash of the previous activity.")
    hash_version = Integer(1, allow_none=True, required=True, description="What the hash covers: 1 contents, 2 their digests.")
    salt = Text(allow_none=True, required=True, description="Salt of the digests; null once a field is erased.")
    erased = Object(ErasedOut, allow_none=True, required=True, description="The remains of erased fields.")


class _Action(Word):
    """The name of an action in a filter."""

    operators = (*Word.operators, "prefix")


class _Sequence(Integer):
    """A position in the log, in a filter."""

    operators = ("in",)


class ActivityAsked(ActivityOut):
    """An activity with the columns that lists filter by."""

    actor_id = Id(load_only=True)
    actor_type = Choice(*_ACTORS, load_only=True)
    subject_id = Id(load_only=True)
    subject_type = Word(1, 100, load_only=True)
    action = _Action(1, 200)
    sequence = _Sequence(1)


#: The names of the filters.
FILTERS = ("actor_id", "actor_type", "action", "subject_id", "subject_type", "outcome", "occurred_at", "request_id", "sequence")
#: Filters without an index, and those that find few enough activities to scan.
TIMED = ("actor_type", "action", "subject_type", "request_id")
UNLESS = ("actor_id", "subject_id", "sequence")


class ExportOut(Schema):
    """All activities that match, the oldest first."""

    items = ListOf(Object(ActivityOut), MOST_IN_JSON, required=True)
    count = Integer(required=True)


class VerifyAsked(Schema):
    """The part of the log to verify."""

    after = Integer(0, load_default=0, description="Begin after this sequence: next_after of another response.")
    limit = Integer(1, 10_000, load_default=10_000, description="Number of activities to verify.")


class FaultOut(Schema):
    """A fault, from one activity to another."""

    kind = Choice("changed", "removed", "inserted", "unsigned", required=True)
    sequence = Integer(required=True, description="The first affected activity.")
    until = Integer(required=True, description="The last one.")
    message = Text(max_length=300, required=True)


class HeadOut(Schema):
    """The last sealed activity."""

    sequence = Integer(required=True)
    hash = Text(allow_none=True, required=True)


class VerifyOut(Schema):
    """The result of verifying a part of the log."""

    valid = Boolean(required=True)
    checked = Integer(required=True, description="Number of activities verified.")
    erased = Integer(required=True, description="Number of these with erased fields.")
    begins_after = Integer(required=True, description="The last activity that was pruned; 0 if none was.")
    head = Object(HeadOut, required=True)
    next_after = Integer(allow_none=True, required=True, description="Where to continue; null at the end.")
    faults = ListOf(Object(FaultOut), 100, required=True)
