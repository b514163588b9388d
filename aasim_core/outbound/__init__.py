"""Outgoing traffic: the one guarded HTTP client, and mail."""
