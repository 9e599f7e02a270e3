"""Running: the service, and the shop to try it on."""

from pathlib import Path

import click

from gatekeeper.config import load_config
from gatekeeper.databases import check_unserved
from gatekeeper.store.engines import migrate

from .common import with_config


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8100, show_default=True, type=click.IntRange(1, 65535))
@click.option("--threads", default=32, show_default=True, type=click.IntRange(1, 512), help="Threads of a worker.")
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64), help="Processes; 1 on SQLite.")
@with_config
def serve(host: str, port: int, threads: int, workers: int) -> None:
    """Serve, until it is stopped (Ctrl-C, SIGTERM). Brings the database up to date first.

    Speaks HTTP to a web server in front of it; keep it on an address that visitors cannot reach. Keeps no access log.
    Edited gatekeeper.toml? Restart. A notice that is published meanwhile is served within seconds.
    """
    from gatekeeper import serving

    config = load_config()
    serving.check_serving(config, workers=workers)
    check_unserved(config.database_url)
    serving.check_port(host, port)
    migrate(config.database_url)
    serving.serve(config, host=host, port=port, threads=threads, workers=workers)


@click.command()
@click.option("--port", default=8080, show_default=True, type=click.IntRange(1, 65533), help="The shop's port.")
@click.option(
    "--state",
    default="var/demo",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Where it keeps its data.",
)
@click.option("--history/--no-history", default=True, help="Whether a new shop has eight weeks of visits behind it.")
def demo(port: int, state: Path, *, history: bool) -> None:
    """Run a small shop to try Gatekeeper on.

    The companies behind its trackers are played by stand-ins, which show what they receive. The shop answers on PORT,
    Gatekeeper on PORT+1, the stand-ins on PORT+2. Nothing leaves this machine.
    """
    from gatekeeper.demo import run

    run(port, state, history=history)
