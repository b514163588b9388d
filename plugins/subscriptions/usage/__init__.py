"""Usage of a plan: counts, limits and reports."""
