"""What clients ask about activities, and what they get."""

from aasim_core.resources.exports import MOST_IN_JSON
from aasim_core.schemas.fields import Boolean, Choice, Id, Instant, Integer, Json, ListOf, Object, Text, Word
from aasim_core.schemas.schema import Schema

_LABEL = 1000

#: Days that an organization keeps its activities.
RETENTION = Integer(30, 3650, load_default=400, description="How many days activities are kept.")
#: Whether those who are removed from the organization are erased from its log.
ERASE_REMOVED_MEMBERS = Boolean(
    load_default=False, description="Erase the names and addresses of members from the activities when they are removed."
)

_ACTORS = ("user", "api_key", "system", "plugin", "anonymous")
_OUTCOMES = ("success", "denied", "failed")


class ActorOut(Schema):
    """Who did it."""

    type = Choice(*_ACTORS, required=True)
    id = Text(allow_none=True, required=True)
    label = Text(max_length=_LABEL, required=True, description="The name or address at that time.")
    ip = Text(allow_none=True, required=True)


class SubjectOut(Schema):
    """What it was done to."""

    type = Text(required=True, description="The prefix of its id, such as agent.", example="agent")
    id = Text(allow_none=True, required=True)
    label = Text(max_length=_LABEL, required=True, description="The name at that time.")


class ErasedOut(Schema):
    """What is left of contents that were erased, and what it takes to verify the others."""

    digests = Json(
        object_only=True, required=True, description="The digest of each erased field, by its name, such as actor.label."
    )
    keys = Json(object_only=True, required=True, description="What the digests of the other fields are made with.")


class ActivityOut(Schema):
    """One thing that happened, or that somebody tried."""

    id = Id("evt", required=True)
    organization_id = Id("organization", required=True)
    sequence = Integer(1, allow_none=True, required=True, description="Its number in the log; null until it is sealed.")
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
    data = Json(object_only=True, allow_none=True, required=True, description="What else is known.")
    request_id = Word(allow_none=True, required=True)
    hash = Text(allow_none=True, required=True, description="SHA-256 of the activity at its place; null until it is sealed.")
    previous_hash = Text(allow_none=True, required=True, description="The hash of the activity before.")
    hash_version = Integer(
        1, allow_none=True, required=True, description="What the hash is made of: 1 contents, 2 their digests."
    )
    salt = Text(allow_none=True, required=True, description="What the digests are made with; null once a field is erased.")
    erased = Object(ErasedOut, allow_none=True, required=True, description="What is left of fields that were erased.")


class _Action(Word):
    """The name of an action in a filter."""

    operators = (*Word.operators, "prefix")


class _Sequence(Integer):
    """A number of the log in a filter."""

    operators = ("in",)


class ActivityAsked(ActivityOut):
    """An activity with what lists can be filtered by."""

    actor_id = Id(load_only=True)
    actor_type = Choice(*_ACTORS, load_only=True)
    subject_id = Id(load_only=True)
    subject_type = Word(1, 100, load_only=True)
    action = _Action(1, 200)
    sequence = _Sequence(1)


#: The names of the filters.
FILTERS = ("actor_id", "actor_type", "action", "subject_id", "subject_type", "outcome", "occurred_at", "request_id", "sequence")
#: Those for which there is no index, and what finds few enough activities to look through.
TIMED = ("actor_type", "action", "subject_type", "request_id")
UNLESS = ("actor_id", "subject_id", "sequence")


class ExportOut(Schema):
    """All activities that match, the oldest first."""

    items = ListOf(Object(ActivityOut), MOST_IN_JSON, required=True)
    count = Integer(required=True)


class VerifyAsked(Schema):
    """Which part of the log to verify."""

    after = Integer(0, load_default=0, description="Begin after this sequence: next_after of another answer.")
    limit = Integer(1, 10_000, load_default=10_000, description="How many activities to look at.")


class FaultOut(Schema):
    """What is wrong, from one activity to another."""

    kind = Choice("changed", "removed", "inserted", "unsigned", required=True)
    sequence = Integer(required=True, description="The first activity in question.")
    until = Integer(required=True, description="The last one.")
    message = Text(max_length=300, required=True)


class HeadOut(Schema):
    """The last activity that is sealed."""

    sequence = Integer(required=True)
    hash = Text(allow_none=True, required=True)


class VerifyOut(Schema):
    """Whether a part of the log is as it was sealed."""

    valid = Boolean(required=True)
    checked = Integer(required=True, description="How many activities were looked at.")
    erased = Integer(required=True, description="How many of these have fields that were erased.")
    begins_after = Integer(required=True, description="The last activity that was pruned; 0 if none was.")
    head = Object(HeadOut, required=True)
    next_after = Integer(allow_none=True, required=True, description="Where to go on; null at the end.")
    faults = ListOf(Object(FaultOut), 100, required=True)
