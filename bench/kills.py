"""Kill the serving process under load, again and again: nothing that was answered may be lost, nor kept twice.

Run it from the root of the project: ``python -m bench.kills``. It ends with 1 where something was.
"""

import sys
import time
from collections import Counter
from pathlib import Path

import click

from e2e.load import Load, stored_ids
from e2e.served import Served

from .servers import ROOT, Folders, database

#: How many events are answered between one kill and the next.
BETWEEN = 20


def kill(served: Served, kills: int) -> tuple[Counter[str], Counter[str], int]:
    """Kill a Gatekeeper while pages report to it, which try again with the same ids until they are answered.

    :return: the ids that were answered, those that are kept, and how often a page tried again.
    """
    served.start()
    cookies = served.grant("analytics")
    with Load(served, cookies) as load, click.progressbar(range(kills), label=f"{kills} kills") as bar:
        for _ in bar:
            enough = len(load.answered) + BETWEEN
            while len(load.answered) < enough:
                time.sleep(0.002)
            served.kill()
            served.start()
    served.stop()
    return Counter(load.answered), Counter(stored_ids(served, cookies)), load.again


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--kills", default=1000, show_default=True, type=click.IntRange(1))
@click.option("--postgres", default="", metavar="URL", help="On this empty PostgreSQL database, or `own`.")
@click.option("--place", default=ROOT / "var" / "bench", type=click.Path(path_type=Path), help="Where data goes.")
def main(kills: int, postgres: str, place: Path) -> None:
    """Kill `gatekeeper serve` with SIGKILL while pages report events, and count what was lost or doubled."""
    began = time.monotonic()
    with Folders(place) as folders, database(postgres) as url:
        extra = {"GATEKEEPER_DATABASE_URL": url} if url else {}
        answered, kept, again = kill(Served(folders.new(), extra=extra), kills)
    lost = answered.keys() - kept.keys()
    twice = [event for event, n in kept.items() if n > 1]
    click.echo(
        f"{kills} kills on {'PostgreSQL' if postgres else 'SQLite'}: {len(answered)} events answered, {again} reports "
        f"tried again; {len(lost)} lost, {len(twice)} kept twice ({time.monotonic() - began:.0f} s)"
    )
    sys.exit(bool(lost or twice))


if __name__ == "__main__":
    main(prog_name="python -m bench.kills")
