"""The tools of a run: where they come from, how they are named for a model, and what becomes of each call."""
