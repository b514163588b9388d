"""Migrate waiting runs to another version of their workflow.

`difference` says what differs between two versions, `deciding` what becomes of a run, and `acting` moves it.
"""
