"""Rollups: what is counted, written by the quarter of an hour, summed, verified and read."""
