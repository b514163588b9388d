"""The chain of hashes over an organization's events: sealed, verified, pruned, erased from, and begun anew."""
