"""What a server costs, by the system's own accounts of its processes: processor time and memory."""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

#: Which processors servers run on, and which the load generator and everything else: the last one, and the others.
_ALL = sorted(os.sched_getaffinity(0))
SERVERS: Sequence[int] = _ALL[-1:]
OTHERS: Sequence[int] = _ALL[:-1] or _ALL


@contextmanager
def pinned(processors: Sequence[int]) -> Iterator[None]:
    """Have this thread, and the processes that it starts meanwhile, run on these processors only."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, processors)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def tree(pid: int) -> list[int]:
    """Return a process and all that come of it, as they are now."""
    children = []
    for told in Path(f"/proc/{pid}/task").glob("*/children"):
        children += [int(child) for child in told.read_text().split()]
    return [pid, *(each for child in children for each in tree(child))]


def processor_time(pid: int) -> float:
    """Return what a process and its children have spent so far, in user and system time together, in seconds.

    From the process's own clock (clock_getcpuclockid(3)): it counts nanoseconds, and threads that have ended, where
    /proc/<pid>/stat counts hundredths of a second.
    """
    return sum(time.clock_gettime((~each << 3) | 2) for each in tree(pid))


def memory(pid: int) -> int:
    """Return what a process and its children hold in memory, in bytes; what they share is counted once."""
    return sum(_held(each) for each in tree(pid))


def _held(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0
