"""Read a model's output in a separate thread, so that the caller can stop waiting."""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from queue import Empty, SimpleQueue
from threading import Event, Thread

from aasim_core.outbound.deadlines import Patience

_Item = tuple[str, BaseException | None]
_END: _Item = ("", None)


class Failed(Exception):
    """The model raised `error`."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(str(error))
        self.error = error


def pieces(generate: Callable[[], Generator[str]], patience: Patience) -> Iterator[str]:
    """Yield the output of `generate` within the limits of `patience`; raises `Failed`, or what `Patience.check` raises.

    An abandoned model is stopped at its next piece. One that yields none cannot be stopped; its thread is abandoned, and does not block the
    process's exit.
    """
    found: SimpleQueue[_Item] = SimpleQueue()
    stopped = Event()
    Thread(target=_read, args=(generate, found, stopped), name="engine_llm", daemon=True).start()
    try:
        while (item := _next(found, patience)) is not _END:
            text, error = item
            if error is not None:
                raise Failed(error)
            yield text
    finally:
        stopped.set()


def _next(found: SimpleQueue[_Item], patience: Patience) -> _Item:
    while True:
        patience.check()
        try:
            return found.get(timeout=patience.slice())
        except Empty:
            continue


def _read(generate: Callable[[], Generator[str]], found: SimpleQueue[_Item], stopped: Event) -> None:
    try:
        with closing(generate()) as generated:
            for text in generated:
                if stopped.is_set():
                    return
                found.put((text, None))
    except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
        found.put(("", error))
    else:
        found.put(_END)
