"""Implementations of the database interface."""
