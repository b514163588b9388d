"""Fields for single values: text, numbers, true and false, one of a few words."""

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from marshmallow import ValidationError, fields, missing

from ..errors import Problem
from .json_values import LEAST_INTEGER, MOST_INTEGER, kind_of

#: What a list can be asked about a field whose values have an order.
COMPARISONS: tuple[str, ...] = ("ne", "gt", "gte", "lt", "lte", "in")

# What a class of characters in a regular expression excludes from text.
_CONTROLS = r"\x00-\x1f\x7f-\x9f"
_CONTROLS_IN_LINES = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"


def wrong(code: str, message: str) -> ValidationError:
    """The error that a field raises: `code` is one of `aasim_core.error_codes`, or a plugin's own."""
    return ValidationError([Problem(code, message)])


class Strict(fields.Field[Any]):
    """A field that takes one JSON type as it is; a subclass says in `read` what its value may be.

    `expects` completes the sentence "Write …". `shape` is the JSON Schema of the value.
    `description` and `example` go into the API reference; the other options are marshmallow's.
    """

    #: What a list can be asked about the field, besides its value.
    operators: ClassVar[tuple[str, ...]] = ("ne", "in")

    def __init__(
        self, expects: str, shape: Mapping[str, Any], *, description: str = "", example: Any = None, **options: Any
    ) -> None:
        self.expects = expects
        documented = {"description": description} if description else {}
        examples = {"examples": [example]} if example is not None else {}
        options["metadata"] = {**shape, **documented, **examples, **options.get("metadata", {})}
        super().__init__(**options)

    def read(self, value: Any) -> Any:
        """The value of the field for the JSON value `value`; raises what `wrong` makes."""
        return value

    def write(self, value: Any) -> Any:
        """The JSON value for the field's value."""
        return value

    def read_text(self, text: str) -> Any:
        """The JSON value that `text`, in a query string, stands for; raises what `wrong` makes."""
        return text

    def wrong_type(self, value: Any) -> ValidationError:
        """The error for a value of another JSON type."""
        return wrong("invalid_type", f"Write {self.expects}, not {kind_of(value)}.")

    def make_error(self, key: str, **_: Any) -> ValidationError:
        """The error for an absent value or a null where there must be something else."""
        if key == "required":
            return wrong("required", f"This field is required. Write {self.expects}.")
        return wrong("null_not_allowed", f"This field cannot be null. Write {self.expects}.")

    def deserialize(self, value: Any, attr: str | None = None, data: Any = None, **kwargs: Any) -> Any:
        """As marshmallow's own, with fewer calls for the usual case: a value is there, and `read` alone checks it."""
        if value is missing or value is None or self.validators or self.pre_load or self.post_load:
            return super().deserialize(value, attr, data, **kwargs)
        return self._deserialize(value, attr, data, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        return self.read(value)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return None if value is None else self.write(value)


class Text(Strict):
    """Text of `min_length` to `max_length` characters, one line unless `multiline`; nothing is stripped from it."""

    operators: ClassVar[tuple[str, ...]] = ("ne", "in", "contains")

    _FORBIDDEN = re.compile(f"[{_CONTROLS}\ud800-\udfff]")
    _FORBIDDEN_IN_LINES = re.compile(f"[{_CONTROLS_IN_LINES}\ud800-\udfff]")

    def __init__(
        self,
        min_length: int = 0,
        max_length: int = 200,
        *,
        multiline: bool = False,
        expects: str = "",
        shape: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        self.min_length, self.max_length, self.multiline = min_length, max_length, multiline
        self._forbidden = self._FORBIDDEN_IN_LINES if multiline else self._FORBIDDEN
        least = {"minLength": min_length} if min_length else {}
        #: What is allowed in it, as the pattern of a JSON Schema.
        self.characters = _characters(_CONTROLS_IN_LINES if multiline else _CONTROLS, min_length)
        super().__init__(
            expects or f"text of {span(min_length, max_length)} characters",
            {"type": "string", **least, "maxLength": max_length, **(shape or {})},
            **options,
        )

    def read(self, value: Any) -> Any:
        if type(value) is not str:
            raise self.wrong_type(value)
        if self._forbidden.search(value):
            allowed = "only tabs and line breaks are allowed" if self.multiline else "line breaks and tabs too"
            raise wrong("invalid_characters", f"Remove the control characters ({allowed}).")
        if len(value) > self.max_length:
            raise wrong("too_long", f"Write at most {self.max_length} characters.")
        if len(value) < self.min_length or (self.min_length and value.isspace()):
            raise wrong("too_short", f"Write at least {counted(self.min_length, 'visible character')}.")
        return value


class Secret(Text):
    """Text that is written and never shown; the API reference marks it so."""

    def __init__(self, min_length: int = 1, max_length: int = 4096, **options: Any) -> None:
        super().__init__(min_length, max_length, shape={"format": "password"}, load_only=True, **options)


class Word(Text):
    """Text that has one of few values, or is looked up whole: no list is asked what it contains."""

    operators: ClassVar[tuple[str, ...]] = ("ne", "in")


class Patterned(Text):
    """Text of a certain form: `pattern` matches all of it, and `expects` names it with an example."""

    def __init__(
        self,
        pattern: str,
        expects: str,
        *,
        min_length: int = 1,
        max_length: int = 200,
        shape: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        self._pattern = re.compile(pattern)
        documented = {"pattern": f"^(?:{pattern})$", **(shape or {})}
        super().__init__(min_length, max_length, expects=expects, shape=documented, **options)

    def read(self, value: Any) -> Any:
        text = super().read(value)
        if not self._pattern.fullmatch(text):
            raise wrong("invalid_format", f"Write {self.expects}.")
        return text


class Integer(Strict):
    """A whole number from `least` to `most`; ``1.0``, ``"1"`` and ``true`` are none."""

    operators = COMPARISONS
    _TEXT = re.compile("-?(?:0|[1-9][0-9]{0,39})")

    def __init__(self, least: int = LEAST_INTEGER, most: int = MOST_INTEGER, **options: Any) -> None:
        self.least, self.most = least, most
        shape = {"type": "integer", "format": "int64", "minimum": least, "maximum": most}
        bounded = (least, most) != (LEAST_INTEGER, MOST_INTEGER)
        super().__init__(f"a whole number{_range(least, most) if bounded else ''}", shape, **options)

    def read(self, value: Any) -> Any:
        if type(value) is not int:
            raise self.wrong_type(value)
        if not self.least <= value <= self.most:
            raise wrong("out_of_range", f"Write a whole number{_range(self.least, self.most)}.")
        return value

    def read_text(self, text: str) -> Any:
        if not self._TEXT.fullmatch(text):
            raise wrong("invalid_type", f"Write {self.expects}, in the digits 0 to 9.")
        return int(text)


class Number(Strict):
    """A number from `least` to `most`, whole or not."""

    operators = COMPARISONS
    _TEXT = re.compile(r"-?(?:0|[1-9][0-9]{0,39})(?:\.[0-9]{1,40})?")

    def __init__(self, least: float = -1e300, most: float = 1e300, **options: Any) -> None:
        self.least, self.most = least, most
        bounded = (least, most) != (-1e300, 1e300)
        shape = {"type": "number", "minimum": least, "maximum": most} if bounded else {"type": "number"}
        super().__init__(f"a number{_range(least, most) if bounded else ''}", shape, **options)

    def read(self, value: Any) -> Any:
        if type(value) not in (int, float):
            raise self.wrong_type(value)
        if not self.least <= value <= self.most:
            raise wrong("out_of_range", f"Write a number{_range(self.least, self.most)}.")
        return value

    def read_text(self, text: str) -> Any:
        if not self._TEXT.fullmatch(text):
            raise wrong("invalid_type", f"Write {self.expects}, such as 0.5.")
        return float(text) if "." in text else int(text)


class Boolean(Strict, fields.Boolean):
    """``true`` or ``false`` and nothing that resembles them."""

    operators = ("ne",)

    def __init__(self, **options: Any) -> None:
        super().__init__("true or false", {"type": "boolean"}, **options)

    def read(self, value: Any) -> Any:
        if type(value) is not bool:
            raise self.wrong_type(value)
        return value

    def read_text(self, text: str) -> Any:
        if text not in ("true", "false"):
            raise wrong("invalid_type", "Write true or false.")
        return text == "true"


class Choice(Strict):
    """One of a few words."""

    def __init__(self, *values: str, **options: Any) -> None:
        self.values = values
        documented: list[str | None] = [*values, None] if options.get("allow_none") else [*values]
        super().__init__(f"one of {', '.join(values)}", {"type": "string", "enum": documented}, **options)

    def read(self, value: Any) -> Any:
        if type(value) is not str:
            raise self.wrong_type(value)
        if value not in self.values:
            raise wrong("invalid_choice", f"Write {self.expects}.")
        return value


def _characters(excluded: str, min_length: int) -> str:
    return f"^[^{excluded}]*[^{excluded}\\s][^{excluded}]*$" if min_length else f"^[^{excluded}]*$"


def span(least: int, most: int) -> str:
    """``at most 5``, ``1 to 5`` or ``5``."""
    return f"at most {most}" if least == 0 else str(most) if least == most else f"{least} to {most}"


def _range(least: float, most: float) -> str:
    return f" from {least} to {most}"


def counted(number: int, noun: str) -> str:
    """``1 item``, ``2 items``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
