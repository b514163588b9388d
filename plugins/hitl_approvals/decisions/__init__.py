"""Decisions: the action to approve, votes, and the end of an approval."""
