"""Join teams at an invitation, and transfer their lead, if the plugin teams is enabled."""

from collections.abc import Sequence

from aasim_core import Request
from aasim_core.access.delegation import Delegator
from aasim_core.access.records import Team
from aasim_core.data.records import find_or_none

from ..teams import service as teams
from .checking import no_teams


def find_joinable(req: Request, team_ids: Sequence[str]) -> list[Team]:
    """Return the teams, whose members the caller may change; Invalid for each that is not visible to the caller."""
    found = [find_or_none(Team, team_id) for team_id in team_ids]
    strange = [
        number
        for number, team in enumerate(found)
        if team is None or not any(req.rights.allows_at(one, team.id) for one in req.rights.permissions)
    ]
    if strange:
        raise no_teams(strange)
    for team in found:
        req.rights.require_at("teams:update", team.id)
    return found


def join(joined: Sequence[Team], user_id: str, granter: Delegator) -> None:
    """Make the user a member of the teams; Refused where one holds more than the granter could give."""
    for team in joined:
        teams.admit(team, user_id, teams.MEMBER, granter)


def tell_left(user_id: str) -> None:
    """Emit that the user is no member of their teams any more."""
    teams.tell_left(user_id)


def lead(led: Sequence[Team], user_id: str, granter: Delegator) -> None:
    """Make the user the lead of the teams."""
    for team in led:
        teams.admit(team, user_id, teams.LEAD, granter)
