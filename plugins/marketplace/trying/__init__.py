"""Tries: an offer answers the seller's examples on the buyer's engine before the purchase."""
