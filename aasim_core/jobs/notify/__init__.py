"""Notifications of new jobs, so that workers need not poll the table constantly."""
