"""How much there is: the full size, and parts of it."""

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Size:
    """How many rows there are; all but `organizations` are those of the large organization."""

    organizations: int = 2_000
    branches: int = 200
    departments: int = 2_000
    projects: int = 10_000
    users: int = 20_000
    teams: int = 5_000
    grants: int = 20_000
    agents: int = 100_000
    keys: int = 20_000
    runs: int = 1_000_000
    lines: int = 3_000_000
    steps: int = 1_000_000
    events: int = 3_000_000
    approvals: int = 45_000

    def times(self, factor: float) -> "Size":
        """The same in small, with a few of everything."""
        return Size(**{field.name: max(_LEAST, round(getattr(self, field.name) * factor)) for field in fields(self)})


#: Less of anything would be less than a page.
_LEAST = 60
#: The projects and the agents that have runs.
BUSY_PROJECTS, BUSY_AGENTS = 50, 200
