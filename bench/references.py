"""What Gatekeeper is compared with, under the same server with the same settings: one pixel, and nothing else.

Started as a process of its own: ``python -m bench.references bare 8001``.
"""

import argparse
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from flask import Flask, Response

from gatekeeper.serving import run
from gatekeeper.web.beacons import PIXEL, SAME_EITHER_WAY

THREADS = 32


def bare() -> Any:
    """Return the least that a WSGI program can do: it looks at nothing, and gives Gatekeeper's answer byte for byte."""
    headers = [*SAME_EITHER_WAY.headers, ("Content-Length", str(len(PIXEL)))]

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", headers)
        return [PIXEL]

    return answer


def plain_flask() -> Any:
    """Return a Flask program with one view: what it costs to answer with the pixel in the usual way."""
    app = Flask(__name__, static_folder=None)

    @app.get("/gk/<site>/b/<tracker>.gif")
    def beacon(site: str, tracker: str) -> Response:
        return Response(PIXEL, headers=list(SAME_EITHER_WAY.headers))

    return app


PROGRAMS: dict[str, Callable[[], Any]] = {"bare": bare, "flask": plain_flask}


def main() -> None:
    """Serve one of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program", choices=PROGRAMS)
    parser.add_argument("port", type=int)
    told = parser.parse_args()
    run(PROGRAMS[told.program], host="127.0.0.1", port=told.port, threads=THREADS, workers=1)


if __name__ == "__main__":
    main()
