"""The way of a request: from bytes to a guarded responder and back to an envelope."""
