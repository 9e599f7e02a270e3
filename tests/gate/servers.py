"""Real web servers on free ports of the loopback address, each with the snippets written for it."""

import http.client
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from gatekeeper.core.sites import Site
from gatekeeper.gate.serving import Place
from gatekeeper.gate.snippets import Server, write_snippets
from tests.ports import free_port

ROOT = Path(__file__).parent.parent.parent
#: Where servers are looked for: installed, and where `make test` puts them.
PLACES = [*os.environ["PATH"].split(":"), "/usr/sbin", *map(str, (ROOT / ".venv" / ".servers").glob("usr/*bin"))]
OWN_POLICY = "default-src 'self' https:; script-src 'nonce-abc'"
OWN_TIMING = "db;dur=5"
PATIENCE = 20.0  # seconds


def program(name: str) -> str:
    """Return the path of a server."""
    found = shutil.which(name, path=":".join(PLACES))
    assert found, f"the tests need {name}: make test fetches it"
    return found


class Answer:
    """A response as it came."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.getheaders()
        self.body = response.read()

    def all(self, name: str) -> list[str]:
        """Return the values of every header of a name."""
        return [value for key, value in self.headers if key.lower() == name.lower()]


def ask(port: int, path: str = "/", headers: dict[str, str] | None = None, *, body: bytes | None = None) -> Answer:
    """Ask a server as a browser that is on the site.

    :param body: of a form that is posted; None asks by GET.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        method = "GET" if body is None else "POST"
        connection.request(method, path, body, {"Host": "www.shop.example", **(headers or {})})
        return Answer(connection.getresponse())
    finally:
        connection.close()


class Host(ThreadingHTTPServer):
    """The site behind the web server: it answers what its paths say, and notes what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.seen: list[dict[str, str]] = []
        self.posted: list[bytes] = []

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or a proxy waits 40 ms for the second packet

    def do_GET(self) -> None:
        assert isinstance(self.server, Host)
        self.server.seen.append({name.lower(): value for name, value in self.headers.items()})
        name = self.path.partition("?")[0]
        kind = {"js": "text/javascript", "png": "image/png"}.get(name.rpartition(".")[2], "text/html; charset=utf-8")
        self.send_response({"/missing": 404, "/broken": 500}.get(name, 200))
        self.send_header("Content-Type", kind)
        self.send_header("Content-Security-Policy", OWN_POLICY)
        self.send_header("X-Frame-Options", "DENY")
        self.send_header("Server-Timing", OWN_TIMING)
        self.send_header("Cache-Control", "public, max-age=60")
        self.send_header("ETag", '"v1"')
        self.send_header("Last-Modified", "Sun, 22 Nov 2026 11:00:00 GMT")
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"page")

    def do_POST(self) -> None:
        assert isinstance(self.server, Host)
        self.server.posted.append(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        self.do_GET()

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def host_site() -> Iterator[Host]:
    """Run the site."""
    with Host() as host:
        thread = threading.Thread(target=host.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield host
        host.shutdown()
        thread.join()


def wait_until(condition: Callable[[], bool], problem: Callable[[], str] = lambda: "it never came about") -> None:
    """Wait until another process has brought something about."""
    deadline = time.monotonic() + PATIENCE
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, problem()
        pause.wait(0.02)


def answers(port: int) -> bool:
    """Tell whether somebody listens."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


@contextmanager
def running(command: list[str], port: int, log: Path, environ: dict[str, str] | None = None) -> Iterator[int]:
    """Run a server in the foreground until the block ends; yields its process id."""
    with log.open("wb") as written:
        process = subprocess.Popen(command, stdout=written, stderr=written, env={**os.environ, **(environ or {})})
        try:
            wait_until(lambda: answers(port) or process.poll() is not None, log.read_text)
            assert process.poll() is None, log.read_text()
            yield process.pid
        finally:
            process.terminate()
            process.wait(PATIENCE)


@contextmanager
def web_server(server: Server, site: Site, directory: Path, host: Host, place: Place | None) -> Iterator[int]:
    """Run a web server with a site's snippets, in front of a host; yields its port.

    :param place: None means without a gate, all else being the same.
    """
    written = write_snippets(server, site, place or Place())
    for snippet in written:
        (directory / snippet.name).write_text(snippet.text if place else _EMPTY[server].format(site=site.id))
    files = directory / "files"
    files.mkdir()
    (files / "page.html").write_text("<!doctype html><title>file</title>")
    (files / "sorry.html").write_text("sorry")
    port = free_port()
    command = _COMMANDS[server](directory, port, host.port, site, place)
    with running(command, port, directory / f"{server}.log", {"HOME": str(directory), "XDG_DATA_HOME": str(directory)}):
        yield port


def _nginx(directory: Path, port: int, host: int, site: Site, place: Place | None) -> list[str]:
    # Where Gatekeeper is asked, nginx itself does not know what was chosen.
    knows = place and not place.asks
    key = "$scheme$host$request_uri" + (f"$gk_{site.id.replace('-', '_')}_class" if knows else "")
    name = f"{directory}/gatekeeper-{site.id}"
    user = "user root;" if os.geteuid() == 0 else ""
    temporary = "\n".join(
        f"{kind}_temp_path {directory}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (directory / "nginx.conf").write_text(f"""
daemon off; {user} worker_processes 1; pid {directory}/nginx.pid; error_log stderr warn;
events {{ worker_connections 256; }}
http {{
    access_log off;
    types {{ text/html html; text/javascript js; }}
    {temporary}
    proxy_cache_path {directory}/cache keys_zone=pages:1m;
    include {name}-maps.conf;
    server {{
        listen 127.0.0.1:{port};
        include {name}-headers.conf;
        include {name}-server.conf;
        location / {{ proxy_pass http://127.0.0.1:{host}; proxy_set_header Host $http_host; }}
        location /own/ {{
            add_header X-Own yes always;
            include {name}-headers.conf;
            proxy_pass http://127.0.0.1:{host};
        }}
        proxy_cache_key $scheme$host$request_uri;
        location /cached/ {{
            proxy_pass http://127.0.0.1:{host};
            proxy_cache pages;
            add_header X-Cache $upstream_cache_status always;
            include {name}-headers.conf;
        }}
        location /keyed/ {{
            proxy_pass http://127.0.0.1:{host};
            proxy_cache pages;
            proxy_cache_key {key};
            add_header X-Cache $upstream_cache_status always;
            include {name}-headers.conf;
        }}
        location /own-errors/ {{
            proxy_pass http://127.0.0.1:{host}/;
            proxy_intercept_errors on;
            error_page 500 /files/sorry.html;
        }}
        location /files/ {{ root {directory}; }}
    }}
}}
""")
    return [program("nginx"), "-p", str(directory), "-e", "stderr", "-c", str(directory / "nginx.conf")]


def _caddy(directory: Path, port: int, host: int, site: Site, place: Place | None) -> list[str]:
    begin, end = ("route {", "}") if place and place.asks else ("", "")
    (directory / "Caddyfile").write_text(f"""{{
	admin off
	auto_https off
}}
import {directory}/gatekeeper-{site.id}.caddy
http://:{port} {{
	bind 127.0.0.1
	{begin}
	import gatekeeper_{site.id}
	handle /files/* {{
		root * {directory}
		file_server
	}}
	handle_path /own-errors/* {{
		reverse_proxy 127.0.0.1:{host} {{
			@failed status 5xx
			handle_response @failed {{
				error 500
			}}
		}}
	}}
	handle {{
		reverse_proxy 127.0.0.1:{host}
	}}
	{end}
	handle_errors {{
		import gatekeeper_{site.id}_errors
		respond "sorry"
	}}
}}
""")
    return [program("caddy"), "run", "--config", str(directory / "Caddyfile"), "--adapter", "caddyfile"]


def _apache(directory: Path, port: int, host: int, site: Site, place: Place | None) -> list[str]:
    modules = "/usr/lib/apache2/modules"
    names = ("mpm_event", "authz_core", "mime", "alias", "setenvif", "headers", "proxy", "proxy_http")
    loads = "\n".join(f"LoadModule {name}_module {modules}/mod_{name}.so" for name in names)
    (directory / "mime.types").write_text("text/html html\ntext/javascript js\n")
    (directory / "httpd.conf").write_text(f"""
ServerRoot {directory}
ServerName localhost
Listen 127.0.0.1:{port}
PidFile {directory}/httpd.pid
Mutex posixsem
ErrorLog /dev/stderr
TypesConfig {directory}/mime.types
{loads}

<VirtualHost 127.0.0.1:{port}>
    Include {directory}/gatekeeper-{site.id}.conf
    <Directory "{directory}/files">
        Require all granted
    </Directory>
    Alias /files {directory}/files
    ProxyPass /files !
    <Location /own-errors/>
        ProxyErrorOverride On
        ErrorDocument 500 /files/sorry.html
    </Location>
    ProxyPass /own-errors/ http://127.0.0.1:{host}/
    ProxyPass / http://127.0.0.1:{host}/
</VirtualHost>
""")
    return [program("apache2"), "-d", str(directory), "-f", str(directory / "httpd.conf"), "-DFOREGROUND"]


#: What stands in the place of a snippet where there is no gate.
_EMPTY = {
    Server.NGINX: "",
    Server.CADDY: "(gatekeeper_{site}) {{\n}}\n(gatekeeper_{site}_errors) {{\n}}\n",
    Server.APACHE: "",
}
_COMMANDS: dict[Server, Callable[[Path, int, int, Site, Place | None], list[str]]] = {
    Server.NGINX: _nginx,
    Server.CADDY: _caddy,
    Server.APACHE: _apache,
}
