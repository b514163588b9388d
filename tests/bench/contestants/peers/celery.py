"""A peer of J4: Celery on Redis."""

import os

from celery import Celery

from ..queues import task

app = Celery("bench", broker=os.environ["BENCH_QUEUE_URL"])
app.conf.task_ignore_result = True
run = app.task(task(), name="bench.run")
