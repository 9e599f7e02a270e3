"""Gatekeeper inside the site's own Python process: the service below its prefix, and the gate in front of all else."""

import atexit
import logging
import threading
import weakref
from collections.abc import Awaitable, Callable, Iterable
from os import getpid
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from gatekeeper.app import create_app
from gatekeeper.config import Config, load_config
from gatekeeper.core.errors import ConfigError, StoreUnavailable
from gatekeeper.core.sites import Site
from gatekeeper.gate import Gate, GateASGI, GateWSGI
from gatekeeper.gate.asgi import ASGIApplication, Receive, Scope, Send
from gatekeeper.store.contract import Store
from gatekeeper.store.engines import open_store
from gatekeeper.web.service import REFRESH, published_now

log = logging.getLogger(__name__)

#: What the service answers outside its prefix (W3C Global Privacy Control, "GPC Support Resource").
_ROOT = frozenset({"/.well-known/gpc.json"})


def mount(
    app: WSGIApplication, config: Config | None = None, *, site: str | None = None, inject: bool = False
) -> "Mounted":
    """Return a WSGI application that is the site behind the gate, with Gatekeeper itself below its prefix.

    On SQLite there must be one process, with threads: see ``docs/gate.md``.

    :param app: the site.
    :param config: None means the settings of the environment.
    :param site: which of the configured sites; None where there is only one.
    :param inject: whether to put the guard's script tag into every page.
    :raises ConfigError: the configuration has mistakes, or another process serves from the same SQLite file.
    """
    return Mounted(app, config or load_config(), site, inject=inject)


def mount_asgi(
    app: ASGIApplication, config: Config | None = None, *, site: str | None = None, inject: bool = False
) -> "MountedASGI":
    """Return an ASGI application that is the site behind the gate. Needs ``pip install gatekeeper[asgi]``.

    See :func:`mount`.
    """
    return MountedASGI(app, config or load_config(), site, inject=inject)


def gate_of(config: Config | None = None, site: str | None = None, *, inject: bool = False) -> Gate:
    """Return the gate of a site whose Gatekeeper runs as a process of its own, for the middlewares.

    Reads the same database, in the background; any number of processes may.
    """
    config = config or load_config()
    return _gate(config, open_store(config.database_url, zones=config.zones), site, inject=inject)


def _gate(config: Config, store: Store, site: str | None, *, inject: bool) -> Gate:
    current = Current(_declared(config, site), store)
    return Gate(current, config.keys, prefix=config.prefix, inject=inject)


def _declared(config: Config, site: str | None) -> Site:
    if site is None and len(config.sites) == 1:
        (site,) = config.sites
    if site is not None and site in config.sites:
        return config.sites[site]
    known = ", ".join(config.sites)
    said = f"site {site!r} is not one of {known}" if site else f"which site is this? One of {known}"
    raise ConfigError(f"{said} in {config.path}: name it with site=")


class Current:
    """A site as it is published now. A thread of its own reads it; whoever asks never waits."""

    def __init__(self, declared: Site, store: Store) -> None:
        self._declared = declared
        self._store = store
        try:
            self._site = published_now(declared, store)
        except StoreUnavailable:
            self._site = declared  # nothing is published yet, so nothing is allowed
        self._reader: int | None = None
        self._starting = threading.Lock()

    def __call__(self) -> Site:
        # Threads do not live through a fork, and servers fork after loading an application.
        if self._reader != getpid() and self._starting.acquire(blocking=False):
            try:
                self._start()
            finally:
                self._starting.release()
        return self._site

    def _start(self) -> None:
        self._reader = getpid()
        threading.Thread(target=_keep_current, args=(weakref.ref(self),), name="gatekeeper-gate", daemon=True).start()

    def refresh(self) -> None:
        """Read it again. A store that is down changes nothing."""
        try:
            self._site = published_now(self._declared, self._store, self._site)
        except Exception as error:
            log.debug("site %s could not be read again: %s", self._declared.id, type(error).__name__)


def _keep_current(reference: "weakref.ref[Current]") -> None:
    pause = threading.Event()
    while (current := reference()) is not None:
        current.refresh()
        del current
        pause.wait(REFRESH)


class Mounted:
    """See :func:`mount`."""

    def __init__(self, app: WSGIApplication, config: Config, site: str | None, *, inject: bool) -> None:
        self._prefix = f"{config.prefix}/"
        self._service = create_app(config)
        store: Store = self._service.extensions["gatekeeper"].store
        self._site = GateWSGI(app, _gate(config, store, site, inject=inject))
        self._close = store.close
        atexit.register(self.close)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        answers = self._service if path.startswith(self._prefix) or path in _ROOT else self._site
        return answers(environ, start_response)

    def close(self) -> None:
        """Write what the store holds back, and let go of it."""
        self._close()
        atexit.unregister(self.close)


class MountedASGI:
    """See :func:`mount_asgi`."""

    def __init__(self, app: ASGIApplication, config: Config, site: str | None, *, inject: bool) -> None:
        try:
            from a2wsgi import WSGIMiddleware
        except ImportError as error:
            raise ConfigError("an ASGI site needs a2wsgi: pip install 'gatekeeper[asgi]'") from error
        self._prefix = f"{config.prefix}/"
        service: Any = create_app(config)
        store: Store = service.extensions["gatekeeper"].store
        self._service: Callable[[Any, Any, Any], Awaitable[None]] = WSGIMiddleware(service)
        self._site = GateASGI(app, _gate(config, store, site, inject=inject))
        self._close = store.close
        atexit.register(self.close)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        ours = scope["type"] == "http" and (path.startswith(self._prefix) or path in _ROOT)
        await (self._service if ours else self._site)(scope, receive, send)

    def close(self) -> None:
        """Write what the store holds back, and let go of it."""
        self._close()
        atexit.unregister(self.close)
