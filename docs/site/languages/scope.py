"""What is known of a page: its variables, how each is printed, and its functions."""

from dataclasses import dataclass, field

#: Names that the translation gives itself.
_OWN = frozenset("attempt chunk client line name response value".split())
#: Words that one of the languages keeps for itself.
_RESERVED = frozenset("case class default delete export from import in new return switch try type with".split())


@dataclass(frozen=True)
class Function:
    """A function of the page: its parameters, which of them are JSON, and how what it answers is printed."""

    parameters: tuple[str, ...]
    json: frozenset[str]
    style: str


@dataclass
class Page:
    """The names that a page uses, those of its functions that answer, and what of both is translated.

    A variable's style is how it is printed: as `text`, as JSON in a `line` or in `lines`; or it is a `header`.
    """

    names: frozenset[str]
    answering: frozenset[str]
    styles: dict[str, str] = field(default_factory=dict)
    functions: dict[str, Function] = field(default_factory=dict)

    def free(self, *wanted: str) -> str:
        """A name for a value that the page has none for: the first that is not taken."""
        taken = _OWN | _RESERVED | {name.lower() for name in self.names}
        return next(name for name in (*wanted, "one", "entry") if name not in taken)
