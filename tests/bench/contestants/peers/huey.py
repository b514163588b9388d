"""Peers of J4: huey on Redis."""

import os

from huey import RedisHuey

from ..queues import task

huey = RedisHuey("bench", url=os.environ["BENCH_QUEUE_URL"], results=False)
run = huey.task()(task())
