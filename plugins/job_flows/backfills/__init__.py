"""Backfills: start past due times later."""
