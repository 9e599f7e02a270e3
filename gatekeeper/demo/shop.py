"""Blue Kettle, a made-up shop: the website that embeds Gatekeeper.

It sets no cookie and keeps nothing. What a form sends is answered and forgotten.
"""

import argparse
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec
from flask import Flask, Response, abort, redirect, render_template, request, url_for
from werkzeug.middleware.shared_data import SharedDataMiddleware
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Response as BaseResponse

from gatekeeper.assets import static, templates
from gatekeeper.core.links import Link, Links

from . import guide
from .goods import ARTICLES, PRODUCTS, search
from .proxy import Proxy
from .state import SITE, State
from .vendors import ASK_HEADER, VENDORS, Hit

PREFIX = "/gk/"
_VENDORS_LIMIT = 2  # seconds


def create_shop(port: int, state: State) -> Flask:
    """Return the shop's website, with ``/gk/`` passed on to Gatekeeper.

    :param port: the shop's own; Gatekeeper listens on the next, the vendors on the one after that.
    """
    app = Flask(__name__, template_folder=str(templates("demo")), static_folder=None)
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}
    hosts = {vendor.id: f"http://{vendor.address}:{port + 2}" for vendor in VENDORS}
    app.context_processor(lambda: {"hosts": hosts, "site": SITE, "base": f"{PREFIX}{SITE}"})
    _add_pages(app)
    _add_newsletter(app, port, state)
    _add_demonstration(app, port, state)
    files = SharedDataMiddleware(app.wsgi_app, {"/assets": str(static("demo"))}, cache_timeout=300)
    app.wsgi_app = Proxy(files, PREFIX, port + 1)  # type: ignore[method-assign]
    return app


def _add_pages(app: Flask) -> None:
    @app.get("/tea-and-kettles")
    def products() -> str:
        return render_template("products.html", products=PRODUCTS.values())

    @app.get("/tea-and-kettles/<product>")
    def product(product: str) -> str:
        thing = PRODUCTS.get(product) or abort(404)
        others = [other for other in PRODUCTS.values() if other is not thing][:3]
        return render_template("product.html", product=thing, others=others)

    @app.get("/journal")
    def journal() -> str:
        return render_template("journal.html", articles=ARTICLES.values())

    @app.get("/journal/<article>")
    def article(article: str) -> str:
        thing = ARTICLES.get(article) or abort(404)
        return render_template("article.html", article=thing)

    @app.get("/search")
    def find() -> str:
        words = request.args.get("q", "")[:100]
        return render_template("search.html", words=words, found=search(words), PRODUCTS=PRODUCTS)

    @app.get("/checkout/<product>")
    def checkout(product: str) -> str:
        return render_template("checkout.html", product=PRODUCTS.get(product) or abort(404))

    @app.post("/checkout/<product>")
    def order(product: str) -> str:
        return render_template("ordered.html", product=PRODUCTS.get(product) or abort(404))

    @app.get("/privacy")
    def privacy() -> str:
        return render_template("privacy.html")

    @app.errorhandler(404)
    def missing(error: Exception) -> tuple[str, int]:
        return render_template("missing.html"), 404


def _add_newsletter(app: Flask, port: int, state: State) -> None:
    @app.get("/newsletter")
    def newsletter() -> str:
        return render_template("newsletter.html")

    @app.post("/newsletter")
    def subscribe() -> BaseResponse:
        return redirect(url_for("letter", form="html"), code=303)

    @app.get("/newsletter/letter/<any(html, text):form>")
    def letter(form: str) -> str:
        links = Links(state.keys.read_text("utf-8").split())

        def signed(path: str) -> str:
            token = links.sign(Link(SITE, "letter-link", f"http://127.0.0.1:{port}{path}"))
            return f"http://127.0.0.1:{port}{PREFIX}l/{token}"

        def plain(path: str) -> str:
            return f"http://127.0.0.1:{port}{path}"

        address = signed if form == "html" else plain
        return render_template("letter.html", form=form, address=address, plain=plain)


def _add_demonstration(app: Flask, port: int, state: State) -> None:
    @app.get("/")
    def home() -> str:
        steps = guide.steps(state.shown)
        return render_template("home.html", products=PRODUCTS.values(), articles=ARTICLES.values(), steps=steps)

    @app.get("/what-they-received")
    def received() -> Response:
        hits = msgspec.json.decode(_ask_vendors("GET", "/hits", port), type=list[Hit])
        page = render_template("received.html", rows=_rows(hits), total=len(hits))
        return Response(page, headers={"Cache-Control": "no-store"})

    @app.post("/what-they-received")
    def reset() -> BaseResponse:
        _ask_vendors("POST", "/reset", port)
        return redirect(url_for("received"), code=303)

    @app.template_filter("clock")
    def clock(at: float) -> str:
        return datetime.fromtimestamp(at, UTC).astimezone().strftime("%H:%M:%S")


def _rows(hits: list[Hit]) -> list[dict[str, Any]]:
    """Return what each vendor received, latest first."""
    by_vendor = {name: list(some) for name, some in groupby(sorted(hits, key=_vendor), key=_vendor)}
    return [{"vendor": vendor, "hits": by_vendor.get(vendor.id, [])[::-1]} for vendor in VENDORS]


def _vendor(hit: Hit) -> str:
    return hit.vendor


def _ask_vendors(method: str, path: str, port: int) -> bytes:
    connection = HTTPConnection(VENDORS[0].address, port + 2, timeout=_VENDORS_LIMIT)
    try:
        connection.request(method, path, headers={ASK_HEADER: "1"})
        return connection.getresponse().read()
    except (OSError, HTTPException):
        abort(503, "the stand-in vendors do not answer")
    finally:
        connection.close()


class _Quiet(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Keep no access log: the shop stores nothing about its visitors."""


def serve(port: int, state: State) -> None:
    """Serve the shop until the process ends: a thread for each request, so that none waits for one that hangs."""
    make_server("127.0.0.1", port, create_shop(port, state), threaded=True, request_handler=_Quiet).serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m gatekeeper.demo.shop")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--state", type=Path, required=True)
    options = parser.parse_args()
    serve(options.port, State(options.state))
