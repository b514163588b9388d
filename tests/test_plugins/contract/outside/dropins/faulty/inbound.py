"""A route beside the API."""

from aasim_core import Protocol, Resource, operation


def told(refused, request_id):
    """Has a form of its own for whoever takes another method."""
    kind = "text/html" if refused.status == 405 else "text/plain"
    return refused.status, {"Content-Type": kind}, refused.message.encode()


class Inbound(Resource):
    """Takes text."""

    protocol = Protocol("/faulty-inbound", errors=told, media_types=("text/plain",), raw=True)
    paths = {"": "/faulty-inbound"}

    @operation("read", message="Taken.")
    def on_post(self, req, resp):
        """Take the text, whatever the bytes are."""
        resp.media = {"text": req.body.decode()}
