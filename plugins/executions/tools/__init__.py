"""The tools of a run: their sources, their names for a model, and each call."""
