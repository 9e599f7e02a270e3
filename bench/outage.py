"""Stop PostgreSQL under load for a while: requests are refused meanwhile, memory stays, and nothing answered is lost.

Run it from the root of the project: ``python -m bench.outage``. It starts a PostgreSQL of its own.
"""

import sys
import time
from collections import Counter
from pathlib import Path

import click

from e2e.load import Load, stored_ids
from e2e.served import Served
from tests.postgres import Postgres

from .accounts import memory
from .servers import ROOT, Folders

#: The most that memory may grow while nothing can be written, in MB.
GROWS = 50


def outage(served: Served, server: Postgres, seconds: float) -> tuple[dict[str, int], Counter[int], float]:
    """Stop a database under load, start it again, and return what became of events, answers and memory.

    :return: how many events were answered, lost and doubled; what beacons were answered meanwhile, by status; and by
        how many MB memory grew.
    """
    served.start()
    assert served.process is not None
    cookies = served.grant("analytics")
    meanwhile: Counter[int] = Counter()
    with Load(served, cookies, pages=16) as load:
        time.sleep(5)
        before = most = memory(served.process.pid)
        server.crash()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            meanwhile[served.get("/gk/shop/b/seen.gif").status] += 1
            most = max(most, memory(served.process.pid))
            time.sleep(0.05)
        answered = len(load.answered)
        server.start()
        until = time.monotonic() + 30
        while len(load.answered) < answered + 100 and time.monotonic() < until:
            time.sleep(0.05)
        again = len(load.answered) - answered
    served.stop()
    kept = Counter(stored_ids(served, cookies))
    found = {
        "answered": len(load.answered),
        "answered after it was back": again,
        "lost": len(set(load.answered) - kept.keys()),
        "kept twice": sum(n > 1 for n in kept.values()),
    }
    return found, meanwhile, (most - before) / 1e6


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--seconds", default=20.0, show_default=True, help="How long it is gone.")
@click.option("--place", default=ROOT / "var" / "bench", type=click.Path(path_type=Path), help="Where data goes.")
def main(seconds: float, place: Path) -> None:
    """Crash PostgreSQL under load and start it again after a while."""
    server = Postgres()
    try:
        with server.fresh() as url, Folders(place) as folders:
            served = Served(folders.new(), extra={"GATEKEEPER_DATABASE_URL": url})
            found, meanwhile, grew = outage(served, server, seconds)
    finally:
        server.stop()
    click.echo(
        f"PostgreSQL gone for {seconds:g} s under load: {', '.join(f'{n} {what}' for what, n in found.items())};"
    )
    click.echo(f"beacons meanwhile: {dict(meanwhile)}; memory grew by {grew:.0f} MB")
    bad = found["lost"] or found["kept twice"] or not found["answered after it was back"] or grew > GROWS
    sys.exit(bool(bad) or set(meanwhile) != {503})


if __name__ == "__main__":
    main(prog_name="python -m bench.outage")
