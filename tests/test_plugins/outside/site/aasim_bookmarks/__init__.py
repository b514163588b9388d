"""A distribution of somebody else's, for tests."""
