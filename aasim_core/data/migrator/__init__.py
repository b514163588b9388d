"""Numbered migration files and their runner."""
