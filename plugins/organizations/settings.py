"""The plugin's section of the settings."""

from dataclasses import dataclass

from aasim_core import setting


def _is_positive(value: int) -> str | None:
    return None if value >= 1 else "write a number of days from 1 on"


@dataclass(frozen=True)
class OrganizationsSettings:
    """How organizations go."""

    grace_days: int = setting(14, "Days for which a deleted organization can be restored; then it is erased.", check=_is_positive)
