"""The request cycle: routes, all checks around the responder, replays, and response headers."""
