"""Policies and delegations: who decides which actions."""
