"""Delivery of events to webhooks.

`fan_out` makes the deliveries of an event, `queueing` has them sent, and `attempts` makes one request of each after the other, until the
webhook has taken it. What is sent is made in `messages`, signed in `signing`, with `headers` besides, and goes out through `sending`.
"""
