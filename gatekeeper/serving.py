"""Serve: granian in front of the app, sized for the store, with logs that hold no visitor.

One process looks after the workers, which do the work. It has no access log (GDPR Art. 5(1)(c): a server's log of
addresses is a visit log too); what it says goes to standard error.
"""

import gc
import logging
import logging.config
import multiprocessing
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.util import Finalize
from typing import Any

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import Server

from gatekeeper import __version__, logs, silence
from gatekeeper.config import Config
from gatekeeper.core import agents
from gatekeeper.core.errors import ConfigError, GatekeeperError
from gatekeeper.web.bodies import SLOW

log = logging.getLogger(__name__)

#: How long a worker may take to answer what it has begun, in seconds.
GRACE = 10
#: How long after a signal to the whole group the parent's own is waited for, in seconds.
_NEXT = 0.5
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
#: Headers longer than this are refused with 431, in bytes. A site's own cookies come along, so it is not little.
MAX_HEADERS = 64 * 1024
#: How long a client may take to send its headers, in seconds. No thread waits for them.
HEADERS_WITHIN = 10


def serve(config: Config, *, host: str, port: int, threads: int, workers: int) -> None:
    """Serve until a signal says stop. The database must be ready.

    :raises ConfigError: it cannot start: more than one worker on SQLite, debug mode, the port is taken.
    """
    check_serving(config, workers=workers)
    check_port(host, port)
    shown = f"[{host}]" if ":" in host else host
    logging.config.dictConfig(dict(logs.settings(config.log)))
    log.info(
        "Gatekeeper %s serves %s at http://%s:%s%s/", __version__, ", ".join(config.sites), shown, port, config.prefix
    )
    _load_for_all_workers()
    run(_load_app, host=host, port=port, threads=threads, workers=workers, log_form=config.log)
    log.info("Gatekeeper has ended in good order")


def run(load: Callable[[], Any], *, host: str, port: int, threads: int, workers: int, log_form: str = "") -> None:
    """Serve what ``load`` makes in each worker, until a signal says stop. What is compared runs in the same way."""
    _let_threads_finish()
    server = Server(
        "gatekeeper.app:create_app",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        http=HTTPModes.http1,
        websockets=False,
        workers=workers,
        # Beside those that work, there is one for each request whose body is slow to come.
        blocking_threads=threads + SLOW,
        http1_settings=HTTP1Settings(max_buffer_size=MAX_HEADERS, header_read_timeout=HEADERS_WITHIN * 1000),
        workers_kill_timeout=GRACE,
        # A worker that dies is replaced once; one that dies again within seconds ends the service with exit code 1.
        respawn_failed_workers=True,
        log_level=LogLevels.error,
        log_dictconfig=dict(logs.settings(log_form)),
        log_access=False,
    )
    _stop_on_signal(server)
    server.serve(target_loader=load, wrap_loader=False)


def _let_threads_finish() -> None:
    """Have no thread interrupted by the one that it wakes. Workers inherit it.

    The writer wakes all whose events it has committed, and each of them would take the processor only to find that the
    writer still holds Python's lock: a third of all switches between threads, and a tenth of a beacon's cost.
    """
    with suppress(AttributeError, OSError):  # not this system's, or not allowed
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def check_serving(config: Config, *, workers: int) -> None:
    """Refuse what must not be served.

    :raises ConfigError: the message says why and what to do instead.
    """
    if workers > 1 and config.database_url.startswith("sqlite"):
        raise ConfigError(
            f"{workers} workers cannot share a SQLite file: one process writes to it, and a second would wait for the "
            "first at every visit. Serve with --workers 1 and more --threads, or keep the data on PostgreSQL."
        )
    if os.environ.get("FLASK_DEBUG", "0").lower() not in {"", "0", "false", "no"} and not config.development:
        raise ConfigError(
            "FLASK_DEBUG is set: debug mode shows the program's insides to visitors. Unset it, or set "
            "GATEKEEPER_DEVELOPMENT=1 on your own machine."
        )


def check_port(host: str, port: int) -> None:
    """Refuse an address that is taken; granian would share it silently.

    :raises ConfigError: somebody listens there already, or the address is not this machine's.
    """
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise ConfigError(
            f"cannot listen on {host} port {port}: {error.strerror}. Choose another with --host and --port."
        ) from error


def _stop_on_signal(server: Any) -> None:
    """Wait for signals in a thread of its own, and stop the server on the first.

    A handler would run in the main thread, which sleeps on, where the system gives the signal to another thread. And
    granian's own answer to SIGHUP starts the new worker before the old one has let go of the store's lock.
    """

    def stop() -> None:
        signal.sigwait(_SIGNALS)
        server.signal_handler_interrupt()

    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    threading.Thread(target=stop, name="gatekeeper-signals", daemon=True).start()


def _load_for_all_workers() -> None:
    """Load what every worker needs, once: what none of them changes is then in memory once, for the parent and all."""
    import gatekeeper.app  # noqa: F401  # only where somebody serves

    agents.read_agent("")
    _keep_for_good()


def _keep_for_good() -> None:
    """Have nothing that is there now looked through again for what may go.

    Looking took 30 ms each time, while all requests waited; and it writes to every object, so that each process would
    get a copy of its own.
    """
    gc.collect()
    gc.freeze()


def _load_app() -> Any:
    """Make the app, in the worker. What the store holds back is written when the worker ends."""
    logs.catch()
    _follow_parent()
    from gatekeeper.app import create_app

    try:
        app = create_app()
    except GatekeeperError as error:
        log.critical("it cannot start: %s", error)
        sys.exit(1)
    service = app.extensions["gatekeeper"]
    service.prepare()
    silence.watch(service.slowest_body)
    service.look_after()
    _keep_for_good()
    Finalize(app, service.store.close, exitpriority=1)
    return app


def _follow_parent() -> None:
    """Make this worker end when its parent says so or dies, and then once.

    A terminal, or systemd, sends its signal to the whole group, and the parent then sends another. granian's worker
    hangs when its handler runs twice, and its parent takes a worker that ends first for a crash. So signals are held
    back here, and the handler is called once, for the parent's.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    before = signal.getsignal(signal.SIGTERM)
    threading.Thread(target=_end_on_signal, args=(before,), name="gatekeeper-signals", daemon=True).start()
    threading.Thread(target=_end_with_parent, name="gatekeeper-parent", daemon=True).start()


def _end_on_signal(before: Any) -> None:
    told = signal.sigwaitinfo({signal.SIGTERM})
    if told.si_pid not in {os.getppid(), os.getpid()}:
        # The parent's comes next, unless the system has already made one of both.
        signal.sigtimedwait({signal.SIGTERM}, _NEXT)
    handler = signal.getsignal(signal.SIGTERM)
    if handler is before or not callable(handler):
        os._exit(0)  # not serving yet: there is nothing to finish
    handler(signal.SIGTERM, None)


def _end_with_parent() -> None:
    # Without it a worker whose parent was killed would live on and keep the port and the store's lock.
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
