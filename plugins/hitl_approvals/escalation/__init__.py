"""Escalation of undecided approvals, in business hours."""
