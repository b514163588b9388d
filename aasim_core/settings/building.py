"""Convert raw values to a section: every key is checked, every value typed, every fault reported."""

from collections.abc import Collection, Mapping
from dataclasses import Field, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from ..text.suggestions import nearest
from .fields import Unfit, converted, default_of, takes_text
from .sources import Raw, read_secret_file

Section = TypeVar("Section")

#: How the environment may say yes and no, besides the words of TOML, and ``on`` and ``off``.
_SWITCHES = {"1": True, "0": False}


@dataclass(frozen=True)
class Builder:
    """Builds sections and collects their errors in `faults`."""

    faults: list[str]
    data_dir: Path = Path()

    def build(self, name: str, kind: type[Section], raw: Mapping[str, Raw]) -> Section:
        """Return the section `name` of the type `kind` from the raw values; an invalid value is replaced by the default."""
        found_before = len(self.faults)
        types = get_type_hints(kind)
        declared = {field.name: field for field in fields(kind)}  # type: ignore[arg-type]  # a section is a dataclass
        given = self._known(name, declared, raw)
        label = f"{name}." if name else ""
        values = {key: self._value(f"{label}{key}", field, types[key], given.get(key)) for key, field in declared.items()}
        section = kind(**values)
        if len(self.faults) == found_before and hasattr(section, "faults"):
            self.faults.extend(section.faults())
        return section

    def _known(self, section: str, declared: Mapping[str, Any], raw: Mapping[str, Raw]) -> dict[str, Raw]:
        given = {key: value for key, value in raw.items() if key in declared}
        for key in raw.keys() - given.keys():
            value, target = raw[key], key.removesuffix("_file")
            if not (value.is_text and target in declared):
                place = f"[{section}] has" if section else "there is"
                self.faults.append(f'{place} no setting "{key}" ({value.origin}); {advice(key, declared)}')
            elif target in given and given[target].is_text:
                self.faults.append(f"{given[target].origin} and {value.origin} are the same setting; keep one of them")
            elif content := read_secret_file(value, self.faults):
                given[target] = content
        return given

    def _value(self, name: str, field: Field[Any], kind: Any, raw: Raw | None) -> Any:
        default = self._placed(default_of(field))
        if raw is None:
            return default
        check = field.metadata["check"]
        try:
            value = self._placed(converted(_read(raw, kind), kind))
            complaint = check(value) if check and value is not None else None
        except Unfit as error:
            value, complaint = default, str(error)
        if complaint:
            shown = "not valid" if field.metadata["secret"] else repr(raw.value)
            self.faults.append(f"{name} ({raw.origin}) is {shown}; {complaint}")
        return value

    def _placed(self, value: Any) -> Any:
        if isinstance(value, str):
            return value.replace("{data_dir}", str(self.data_dir))
        return Path(self._placed(str(value))) if isinstance(value, Path) else value


def advice(word: str, known: Collection[str]) -> str:
    """Return the end of a sentence about the unknown `word`: the closest name, or all names."""
    near = nearest(word, known)
    return f'did you mean "{near}"?' if near else "there are " + ", ".join(sorted(known))


def _read(raw: Raw, kind: Any) -> Any:
    if raw.is_text and kind is bool and raw.value in _SWITCHES:
        return _SWITCHES[raw.value]
    parsed = raw.parsed
    return raw.value if raw.is_text and takes_text(kind) and not isinstance(parsed, str) else parsed
