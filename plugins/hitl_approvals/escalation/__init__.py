"""Escalation of approvals that nobody decided in time, in business hours."""
