"""A real PostgreSQL server for the tests, of this system's own package, in a folder that goes with it."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from urllib.parse import quote

import psycopg

#: Where Debian and others put what is not on the path.
_PLACES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin")
#: `initdb` and the server refuse to run as root.
_ORDINARY = ("postgres", "nobody")
_PATIENCE = 30.0  # seconds

#: Waits for the end of its input, then ends a server and removes its folder.
_WATCH = """
cat
kill -CONT "$1"
kill -QUIT "$1"
for second in 1 2 3 4 5; do
    kill -0 "$1" || break
    sleep 1
done
rm -rf "$2"
"""

SETTINGS = {
    "listen_addresses": "",
    "shared_buffers": "32MB",
    "max_connections": "200",
    "autovacuum_naptime": "1s",
    "log_min_messages": "fatal",
}


def find_program(name: str) -> str:
    """Return the path of one of PostgreSQL's programs, of the newest version that is here."""
    found = sorted(
        (path for place in _PLACES for path in Path("/").glob(f"{place[1:]}/{name}")),
        key=lambda path: float("".join(c for c in path.parts[-3] if c.isdigit() or c == ".") or 0),
    )
    program = str(found[-1]) if found else shutil.which(name)
    assert program, f"the tests need PostgreSQL's {name}: apt-get install postgresql"
    return program


def _ordinary_user() -> dict[str, object]:
    if os.getuid():
        return {}
    for name in _ORDINARY:
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    raise AssertionError(f"none of the users {_ORDINARY} is here to run PostgreSQL as")


class Postgres:
    """A server on a Unix socket. It ends with this process, however that ends.

    :param settings: of postgresql.conf, over :data:`SETTINGS`.
    """

    def __init__(self, **settings: str) -> None:
        self._as_user = _ordinary_user()
        self._settings = SETTINGS | settings
        self._numbers = count()
        self.folder = Path(tempfile.mkdtemp(prefix="gatekeeper-postgres-"))
        if self._as_user:
            os.chown(self.folder, self._as_user["user"], self._as_user["group"])  # type: ignore[arg-type]
        self.data = self.folder / "data"
        self._run("initdb", "-D", str(self.data), "-U", "gatekeeper", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
        self._watcher: subprocess.Popen[bytes] | None = None
        self.start()

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [find_program(program), *arguments], cwd=self.folder, capture_output=True, text=True, **self._as_user
        )  # type: ignore[call-overload]
        assert done.returncode == 0, done.stderr

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = [
            f"-c{name}={value}" for name, value in {**self._settings, "unix_socket_directories": self.folder}.items()
        ]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [find_program("postgres"), "-D", str(self.data), *options],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._as_user,
            )  # type: ignore[call-overload]
        # Whoever kills the tests ends this pipe with them.
        self._watcher = subprocess.Popen(
            ["/bin/sh", "-c", _WATCH, "watcher", str(self.process.pid), str(self.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._wait_until_ready()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                psycopg.connect(self.url("postgres")).close()
            except psycopg.OperationalError:
                assert self.process.poll() is None, (self.folder / "log").read_text()
                assert time.monotonic() < deadline, (self.folder / "log").read_text()
                time.sleep(0.02)
            else:
                return

    def url(self, database: str) -> str:
        """Return the address of one of its databases."""
        return f"postgresql://gatekeeper@/{database}?host={quote(str(self.folder), safe='')}"

    @contextmanager
    def fresh(self, template: str = "template1") -> Iterator[str]:
        """Make a database that is a copy of another, and return its address; in the end it is dropped."""
        name = f"fresh_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        yield self.url(name)
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def crash(self) -> None:
        """End it at once, as a power cut would, but for what the system has taken."""
        self._unwatch()
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(_PATIENCE)

    def freeze(self) -> None:
        """Have nothing of it run any more, until :meth:`thaw`."""
        for pid in self._pids():
            os.kill(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        for pid in self._pids():
            os.kill(pid, signal.SIGCONT)

    def _pids(self) -> list[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [self.process.pid, *map(int, children.split())]

    def _unwatch(self) -> None:
        if self._watcher is not None:
            self._watcher.kill()
            self._watcher.communicate()
            self._watcher = None

    def stop(self) -> None:
        """End it, and remove its folder."""
        self._unwatch()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(_PATIENCE)
        shutil.rmtree(self.folder, ignore_errors=True)

    def execute(self, *statements: str, database: str = "postgres") -> None:
        """Run statements, each in a transaction of its own."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)  # type: ignore[call-overload]
