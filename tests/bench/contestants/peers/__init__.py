"""The peers: what others use for the same, written as their users write it."""
