"""What branches add: flows can keep to their hours and holidays."""

from ...branches.service import Opening, openings

__all__ = ["Opening", "openings"]
