"""Stand-in vendors: what the shop's tags load, each on an address of its own. All in one process, all in memory.

Each notes every request it gets. Only the shop can ask for these notes: browsers are given no permission to read
them from another site, and the header asked for makes them ask.
"""

import argparse
import json
import secrets
import threading
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flask import Flask, Response, abort, render_template, request, send_from_directory
from werkzeug.serving import WSGIRequestHandler, make_server

from gatekeeper.assets import static, templates

if TYPE_CHECKING:
    from werkzeug.serving import BaseWSGIServer

#: Sent by the shop when it asks for the notes.
ASK_HEADER = "X-Blue-Kettle"
_MAX_HITS = 1_000
_MAX_TOLD = 160  # characters
_COOKIE_SECONDS = 90 * 86_400

# One transparent pixel.
_GIF = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")


@dataclass(frozen=True, slots=True)
class Vendor:
    """A made-up company.

    :param purpose: what its tags in the shop are for; empty for a site that is only linked to.
    :param cookie: the cookie it sets on its own host; empty if it sets none.
    """

    id: str
    name: str
    address: str
    purpose: str
    about: str
    cookie: str = ""


VENDORS = (
    Vendor("tallyhouse", "Tallyhouse", "127.0.0.2", "analytics", "counts visits for the shop", "th_id"),
    Vendor("halfways", "Halfways", "127.0.0.7", "analytics", "compares two versions of a page"),
    Vendor("adhive", "Adhive", "127.0.0.3", "marketing", "shows ads, and follows readers from shop to shop", "hive"),
    Vendor("murmur", "Murmur", "127.0.0.6", "marketing", "a share button that knows who looked at it", "mm"),
    Vendor("reelbox", "Reelbox", "127.0.0.4", "functional", "plays videos", "reel"),
    Vendor("parley", "Parley", "127.0.0.5", "functional", "runs the shop's chat"),
    Vendor("misthill", "Mist Hill", "127.0.0.8", "", "a tea grower's own website, linked from the shop"),
)


@dataclass(frozen=True, slots=True)
class Hit:
    """One request that a vendor received.

    :param told: the query, as far as it says something.
    :param referrer: host of the page it was sent from; empty if the browser did not say.
    :param cookie: whether the browser sent a cookie along, and so was recognised.
    :param at: seconds since the epoch.
    """

    vendor: str
    path: str
    told: str
    referrer: str
    cookie: bool
    at: float


class Notes:
    """What all vendors received, the latest :data:`_MAX_HITS`."""

    def __init__(self) -> None:
        self._hits: deque[Hit] = deque(maxlen=_MAX_HITS)
        self._lock = threading.Lock()

    def write(self, hit: Hit) -> None:
        """Add a hit."""
        with self._lock:
            self._hits.append(hit)

    def all(self) -> list[Hit]:
        """Return the hits, oldest first."""
        with self._lock:
            return list(self._hits)

    def clear(self) -> None:
        """Forget them."""
        with self._lock:
            self._hits.clear()


def create_vendor(vendor: Vendor, notes: Notes) -> Flask:
    """Return a vendor's website."""
    app = Flask(__name__, template_folder=str(templates("demo")), static_folder=None)

    @app.get("/<name>.js")
    def script(name: str) -> Response:
        _note(vendor, notes)
        answer = send_from_directory(static("demo", "vendors"), f"{vendor.id}-{name}.js")
        return _recognised(vendor, answer)

    @app.get("/embed/<title>")
    def embed(title: str) -> Response:
        _note(vendor, notes)
        return _recognised(vendor, Response(render_template("player.html", title=title)))

    @app.get("/<name>.gif")
    def pixel(name: str) -> Response:
        _note(vendor, notes)
        return _recognised(vendor, Response(_GIF, mimetype="image/gif"))

    @app.get("/<name>.svg")
    def picture(name: str) -> Response:
        _note(vendor, notes)
        return _recognised(vendor, send_from_directory(static("demo", "vendors"), f"{vendor.id}-{name}.svg"))

    @app.get("/privacy")
    def privacy() -> str:
        return render_template("vendor.html", vendor=vendor, hit=None)

    @app.get("/")
    def home() -> str:
        return render_template("vendor.html", vendor=vendor, hit=_note(vendor, notes))

    @app.get("/hits")
    def hits() -> Response:
        _only_shop()
        return Response(json.dumps([asdict(hit) for hit in notes.all()]), mimetype="application/json")

    @app.post("/reset")
    def reset() -> Response:
        _only_shop()
        notes.clear()
        return Response(status=204)

    return app


def _note(vendor: Vendor, notes: Notes) -> Hit:
    hit = Hit(
        vendor=vendor.id,
        path=request.path,
        told="; ".join(f"{name}: {value}" for name, value in request.args.items())[:_MAX_TOLD],
        referrer=urlsplit(request.headers.get("Referer", "")).netloc,
        cookie=bool(request.headers.get("Cookie")),
        at=time.time(),
    )
    notes.write(hit)
    return hit


def _recognised(vendor: Vendor, answer: Response) -> Response:
    """Do what such companies do: give a browser they do not know an id of their own."""
    answer.headers["Cache-Control"] = "no-store"
    if vendor.cookie and vendor.cookie not in request.cookies:
        # Browsers take Secure cookies from this machine's own addresses without https as well.
        answer.set_cookie(
            vendor.cookie, secrets.token_hex(8), max_age=_COOKIE_SECONDS, secure=True, httponly=True, samesite="None"
        )
    return answer


def _only_shop() -> None:
    if ASK_HEADER not in request.headers:
        abort(403)


class _Quiet(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Keep no access log: notes are enough."""


def serve(port: int, vendors: Iterable[Vendor] = VENDORS) -> None:
    """Serve all vendors, each on its own address, until the process ends."""
    notes = Notes()
    servers: list[BaseWSGIServer] = [
        make_server(vendor.address, port, create_vendor(vendor, notes), threaded=True, request_handler=_Quiet)
        for vendor in vendors
    ]
    threads = [threading.Thread(target=server.serve_forever) for server in servers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m gatekeeper.demo.vendors")
    parser.add_argument("--port", type=int, required=True)
    serve(parser.parse_args().port)
