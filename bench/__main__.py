"""``python -m bench``: what Gatekeeper costs, beside what it is compared with."""

import sys
from pathlib import Path

import click

from . import report, server
from .servers import ROOT


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(2), help="How often each case has a turn.")
@click.option("--seconds", default=1.0, show_default=True, help="How long a turn lasts.")
@click.option("--postgres", default="", metavar="URL", help="Measure on this empty PostgreSQL database, or `own`.")
@click.option("--peer", default="", metavar="URL", help="Measure what somebody else's server answers here, too.")
@click.option("--pid", default=0, help="The process whose accounts tell what that costs.")
@click.option("--out", default=ROOT / "var" / "bench", type=click.Path(path_type=Path), help="Where results go.")
@click.option("--document", is_flag=True, help="Put the result into README.md and docs/bench.svg.")
def main(rounds: int, seconds: float, postgres: str, peer: str, pid: int, out: Path, *, document: bool) -> None:
    """Measure processor time for a request by each process's own accounts, latencies, and memory, side by side.

    Every server is a process of its own under the same web server with the same settings, on the last processor; the
    load comes from the others. Ends with 1 where a budget is broken.
    """
    if bool(peer) != bool(pid):
        raise click.UsageError("--peer and --pid go together: the address, and the process that answers it")
    theirs = (peer, pid) if peer else None
    result = server.run(out, rounds=rounds, seconds=seconds, postgres=postgres, peer=theirs)
    if document:
        report.document(result)
    sys.exit(not result.kept)


if __name__ == "__main__":
    main(prog_name="python -m bench")
