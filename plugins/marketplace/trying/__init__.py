"""Trying: what is offered answers the seller's examples on an engine of the buyer's, before it is paid for."""
