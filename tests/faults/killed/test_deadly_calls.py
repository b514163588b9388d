"""At which calls of a traced process it is worth to kill it."""

from pathlib import Path

from ..strace import deadly_calls

_TRACE = r"""
7 write(4, "a", 1) = 1
8 pwrite64(15, "\0\0\0\5", 24, 32) = 24
8 pwrite64(15, "\1\0", 4096, 56) = 4096
8 pwrite64(15, "\0\0\0\6", 24, 4152) = 24
8 fdatasync(15 <unfinished ...>
7 write(4, "b", 1) = 1
8 <... fdatasync resumed>) = 0
8 sendto(3, "c", 1, MSG_NOSIGNAL, NULL, 0) = 1
8 sendto(3, "d", 1, MSG_NOSIGNAL, NULL, 0) = 1
+++ exited with 0 +++
"""


def test_they_are_those_of_the_busiest_thread_without_the_middle_of_a_series_in_a_file(tmp_path: Path) -> None:
    trace = tmp_path / "trace.txt"
    trace.write_text(_TRACE.strip(), encoding="utf-8")
    assert deadly_calls(trace) == [1, 3, 4, 5, 6]
