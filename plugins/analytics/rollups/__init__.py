"""Rollups: counts per quarter of an hour, which are written, summed, verified and read."""
