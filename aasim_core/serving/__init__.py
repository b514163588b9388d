"""One request on its way: routes, every check in order around the responder, replays, and what is added to answers."""
