"""Backup and restore of the database and the keys in one file."""
