"""A real serving process on a site of its own, for tests that kill, stop and starve it."""

import http.client
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from tests.ports import free_port

ORIGIN = "http://shop.test"
TOML = """
[sites.shop]
name = "Test Shop"
origins = ["http://shop.test"]
controller = { name = "Test Shop Ltd", address = "1 Test Street", contact = "privacy@shop.test" }

[sites.shop.trackers.seen]
kind = "beacon"
purpose = "analytics"
vendor = "self"
retention_days = 30
description = "Counts how far a page is read."

[sites.shop.trackers.newsletter]
kind = "link"
purpose = "marketing"
vendor = "self"
retention_days = 90
description = "Counts clicks on links in the newsletter."
"""


@dataclass(frozen=True)
class Answer:
    """What came back: a status, headers by lower-case name (the last one wins), every Set-Cookie, the body."""

    status: int
    headers: dict[str, str]
    cookies: dict[str, str]
    body: bytes
    seconds: float

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Served:
    """A site's folder and the process that serves it.

    :param folder: holds gatekeeper.toml, the keys, and the data unless ``data`` names another folder for that.
    """

    folder: Path
    data: Path | None = None
    extra: dict[str, str] = field(default_factory=dict)
    key: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.port = free_port()
        (self.folder / "gatekeeper.toml").write_text(TOML)
        done = self.command("publish", "shop")
        assert done.returncode == 0, done.stderr.decode()

    @property
    def database(self) -> Path:
        return (self.data or self.folder) / "gatekeeper.db"

    @property
    def url(self) -> str:
        """Where it keeps data."""
        return self.environment["GATEKEEPER_DATABASE_URL"]

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "GATEKEEPER_CONFIG": str(self.folder / "gatekeeper.toml"),
            "GATEKEEPER_DATABASE_URL": f"sqlite:///{self.database}",
            "GATEKEEPER_SECRET_KEYS": self.key,
            **self.extra,
        }

    def command(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        """Run a gatekeeper command and return what became of it."""
        call = [sys.executable, "-m", "gatekeeper", *words]
        return subprocess.run(call, env=self.environment, capture_output=True, timeout=60, check=False)

    def start(self, *words: str) -> Self:
        """Serve, and wait until it answers.

        :param words: more for the command line.
        """
        call = [sys.executable, "-m", "gatekeeper", "serve", "--port", str(self.port), *words]
        log = (self.folder / "serve.log").open("ab")
        # A group of its own, so that a kill reaches the server's workers as well.
        self.process = subprocess.Popen(call, env=self.environment, stdout=log, stderr=log, start_new_session=True)
        log.close()
        deadline = time.monotonic() + 30
        while True:
            assert self.process.poll() is None, self.log
            try:
                self.get("/gk/shop/choice")
            except OSError:
                assert time.monotonic() < deadline, self.log
                time.sleep(0.02)
            else:
                return self

    @property
    def log(self) -> str:
        return (self.folder / "serve.log").read_text()

    def send_signal(self, number: int) -> None:
        """Send a signal to the server and its workers."""
        assert self.process is not None
        os.killpg(self.process.pid, number)

    def kill(self) -> None:
        """Kill it where it stands."""
        assert self.process is not None
        self.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """End it in good order."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()
                raise

    def get(self, path: str, cookies: dict[str, str] | None = None, timeout: float = 10.0, **headers: str) -> Answer:
        """Send a GET request on a connection of its own."""
        return self.request("GET", path, None, cookies, timeout, **headers)

    def post(self, path: str, value: Any, cookies: dict[str, str] | None = None, timeout: float = 10.0) -> Answer:
        """Send a JSON value as a page of the site would."""
        return self.request("POST", path, json.dumps(value).encode(), cookies, timeout, Origin=ORIGIN)

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None,
        cookies: dict[str, str] | None,
        timeout: float,
        **headers: str,
    ) -> Answer:
        """Send a request."""
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        if cookies:
            told["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
        started = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, body, told)
            response = connection.getresponse()
            data = response.read()
        except http.client.HTTPException as error:
            raise ConnectionError(str(error)) from error
        finally:
            connection.close()
        pairs = [
            value.split(";", 1)[0].partition("=")
            for name, value in response.getheaders()
            if name.lower() == "set-cookie"
        ]
        return Answer(
            response.status,
            {name.lower(): value for name, value in response.getheaders()},
            {name: value for name, _, value in pairs},
            data,
            time.monotonic() - started,
        )

    def grant(self, *purposes: str) -> dict[str, str]:
        """Grant purposes as a new visitor, and return that visitor's cookies."""
        answer = self.post("/gk/shop/choice", {"granted": list(purposes), "notice": 1})
        assert answer.status == 200, answer.body
        return answer.cookies
