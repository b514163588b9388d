"""A process of writers for the tests of SQLite's queue: so many threads write so long to the database at a URL."""

import json
import sys
import threading
import time

from aasim_core.data.backends.connect import connect

#: How long a writer waits before it gives up.
WAIT_SECONDS = 20


def main(url: str, threads: int, seconds: float) -> None:
    """Say that it is ready, write when told to, then print what each thread has done: how many rows, and its longest wait."""
    database = connect(url, durability="normal", wait_seconds=WAIT_SECONDS)
    done: list[tuple[int, float]] = []
    print("ready", flush=True)  # noqa: T201
    sys.stdin.readline()
    end = time.monotonic() + seconds

    def write() -> None:
        count, longest = 0, 0.0
        with database.connected():
            while (start := time.monotonic()) < end:
                with database.transaction():
                    read = database.execute_sql("SELECT count FROM counter").fetchone()[0]
                    database.execute_sql("UPDATE counter SET count = ?", (read + 1,))
                count, longest = count + 1, max(longest, time.monotonic() - start)
        done.append((count, longest))

    workers = [threading.Thread(target=write) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    print(json.dumps(done))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
