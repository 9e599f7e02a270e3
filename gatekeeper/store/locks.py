"""Locks that the operating system holds for a process and lets go of when it dies, however it dies."""

import fcntl
import os
from pathlib import Path

from gatekeeper.core.errors import StoreLocked


def open_private(path: Path) -> int:
    """Open a file that nobody else may read, making it if it is not there, and return its descriptor."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


class ServingLock:
    """Held by one family of processes: whoever started serving, and what it forks. A second family cannot start."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self.path = database.with_name(f"{database.name}.lock")
        self._held: int | None = None

    def take(self) -> None:
        """Take it.

        :raises StoreLocked: another family has it.
        """
        opened = open_private(self.path)
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(opened)
            raise StoreLocked(locked_message(self._database)) from error
        self._held = opened

    def release(self) -> None:
        """Let go of it."""
        if self._held is not None:
            os.close(self._held)
            self._held = None


class WriterLock:
    """Held by the one process whose writer writes. Unlike :class:`ServingLock` it does not pass on to forks.

    The system drops a record lock when the process closes any descriptor of its file, so the file is used for this
    alone, and only after the serving lock was taken.
    """

    def __init__(self, database: Path) -> None:
        self._path = database.with_name(f"{database.name}.writer.lock")
        self._held: int | None = None

    def take(self) -> bool:
        """Take it, and tell whether that worked."""
        if self._held is not None:
            return True
        opened = open_private(self._path)
        try:
            fcntl.lockf(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(opened)
            return False
        self._held = opened
        return True

    def release(self) -> None:
        """Let go of it. In a forked process this leaves the parent's lock alone."""
        if self._held is not None:
            os.close(self._held)
            self._held = None


def locked_message(database: Path) -> str:
    """Say what is wrong and both ways out."""
    return (
        f"another Gatekeeper process already serves from {database}; a SQLite file takes one writing process. "
        "Run one process (`gatekeeper serve`, or granian with --workers 1), "
        "or use PostgreSQL by setting GATEKEEPER_DATABASE_URL"
    )
