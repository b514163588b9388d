"""Opening hours and holidays of branches as calendars, if the plugin branches is enabled."""

from ...branches.service import Opening, openings

__all__ = ["Opening", "openings"]
