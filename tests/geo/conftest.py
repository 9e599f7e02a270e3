"""Small files of both kinds, and a server on this machine that hands files out."""

import gzip
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

TABLE = """\
1.0.0.0\t1.0.0.255\t13335\tUS\tCLOUDFLARENET
1.0.1.0\t1.0.3.255\t0\tNone\tNot routed
1.0.4.0\t1.0.7.255\t38803\tAU\tWPL-AS-AP Wirefreebroadband Pty Ltd
203.0.113.0\t203.0.113.127\t64500\tCH\tExample Net
255.255.255.0\t255.255.255.255\t64501\tXK1\tOdd
2001:db8::\t2001:db8:0:ffff:ffff:ffff:ffff:ffff\t64500\tDE\tExample Net
2001:db8:2::\t2001:db8:2:0:ffff:ffff:ffff:ffff\t64502\tNone\tNameless Country
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "ip2asn.tsv"
    path.write_text(TABLE)
    return path


@dataclass
class Source:
    """A server that hands files out.

    :param files: by path; a number stands for a status, a text that begins with http for a redirect.
    :param lost: how many bytes of what it announces it keeps to itself.
    """

    port: int = 0
    files: dict[str, bytes | int | str] = field(default_factory=dict)
    lost: int = 0
    asked: list[dict[str, str]] = field(default_factory=list)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch) -> Iterator[Source]:
    source = Source(files={"/ip2asn.tsv.gz": gzip.compress(TABLE.encode())})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            source.asked.append({"path": self.path, **self.headers})
            found = source.files.get(self.path, 404)
            if isinstance(found, int):
                self.send_error(found)
                return
            self.send_response(302 if isinstance(found, str) else 200)
            if isinstance(found, str):
                self.send_header("Location", found)
                found = b""
            self.send_header("Content-Length", str(len(found)))
            self.end_headers()
            self.wfile.write(found[: len(found) - source.lost])

        def log_message(self, *_: Any) -> None:
            pass

    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    source.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield source
    server.shutdown()
    server.server_close()
    thread.join()
