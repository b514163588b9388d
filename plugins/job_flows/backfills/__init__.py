"""Backfills: due times of the past that are started later."""
