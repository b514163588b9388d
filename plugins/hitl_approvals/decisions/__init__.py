"""Decisions: the action that is decided on, the votes, and how an approval ends."""
