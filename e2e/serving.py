"""Web servers of a test's own."""

import logging
import threading
from collections.abc import Mapping
from wsgiref.types import WSGIApplication

from werkzeug.serving import BaseWSGIServer, make_server


class Servers:
    """Web servers on one port of several addresses: the site's own, and those of third parties."""

    def __init__(self, port: int, apps: Mapping[str, WSGIApplication]) -> None:
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._servers = [self._serve(address, port, app) for address, app in apps.items()]

    def stop(self) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()

    @staticmethod
    def _serve(address: str, port: int, app: WSGIApplication) -> BaseWSGIServer:
        server = make_server(address, port, app, threaded=True)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return server
