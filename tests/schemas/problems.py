"""What a field says about a value."""

from marshmallow import ValidationError

from aasim_core.errors import Problem
from aasim_core.schemas import fields


def problem_with(field: fields.Strict, value: object) -> Problem | None:
    try:
        field.deserialize(value)
    except ValidationError as error:
        messages = error.messages
        while isinstance(messages, dict):
            messages = next(iter(messages.values()))
        return messages[0]
    return None


def code_of(field: fields.Strict, value: object) -> str | None:
    problem = problem_with(field, value)
    return problem and problem.code
