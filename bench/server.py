"""Compare the server side: Gatekeeper, one pixel alone and one in plain Flask, side by side in one run."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

import click

from . import cases, report
from .accounts import OTHERS, pinned
from .cases import Case
from .measure import CONNECTIONS, Measured, measure, noise
from .servers import SLOW_DISK, Folders, Gatekeeper, Server, database, reference, slow_disk
from .stored import stored

MB = 1024 * 1024
#: The most that an idle service may hold in memory, in bytes.
MEMORY = 150 * MB
#: How many other processes may want a processor before a run.
BUSY_LOAD = 1.0
#: What is answered while the database is too slow; a page asks again then.
BUSY = 503


def compare(
    place: Path, *, rounds: int, seconds: float, postgres: str = "", peer: tuple[str, int] | None = None
) -> report.Result:
    """Run the comparison.

    :param place: a folder for what the servers keep.
    :param postgres: as :func:`bench.servers.database` takes it; empty means SQLite.
    :param peer: the address and the process of somebody else's server.
    """
    with ExitStack() as stack:
        stack.enter_context(pinned(OTHERS))
        url = stack.enter_context(database(postgres))
        folders = stack.enter_context(Folders(place))
        servers = {name: stack.enter_context(reference(name)) for name in (cases.BARE, cases.FLASK)}
        servers[cases.CONTROL] = stack.enter_context(reference(cases.BARE))
        served = Gatekeeper(folders.new(), extra={"GATEKEEPER_DATABASE_URL": url} if url else {})
        servers[cases.SERVED] = stack.enter_context(served.running())
        before = servers[cases.SERVED].memory
        visitors = cases.come(served)
        begun = stored(served.url)
        every = [*cases.references(), *cases.gatekeeper(visitors, patience=60 if url else 25)]
        if not url:
            every += _slow_disk(stack, folders, servers)
        if peer is not None:
            every.append(_peer(servers, *peer))
        with click.progressbar(length=len(every) * rounds, label="measuring") as bar:
            found = measure(every, servers, rounds=rounds, seconds=seconds, tell=lambda: bar.update(1))
        after = servers[cases.SERVED].memory
        served.stop()
        counted = stored(served.url)
        return _result(found, before, after, _missing(found, counted - begun))


def _slow_disk(stack: ExitStack, folders: Folders, servers: dict[str, Server]) -> Iterator[Case]:
    folder = folders.new()
    environment = slow_disk(folder)
    if environment is None:
        click.echo("Not measured: a slow disk. It needs a C compiler (apt-get install gcc libc6-dev).", err=True)
        return
    served = Gatekeeper(folder, extra=environment)
    servers[cases.SLOW] = stack.enter_context(served.running())
    yield from cases.slow(cases.come(served, 20))


def _peer(servers: dict[str, Server], url: str, pid: int) -> Case:
    parts = urlsplit(url)
    servers["peer"] = Server("peer", parts.port or 80, pid, parts.hostname or "127.0.0.1")
    return cases.peer(parts.path + (f"?{parts.query}" if parts.query else ""), parts.netloc)


def _missing(found: Mapping[str, Measured], counted: Counter[str]) -> list[str]:
    """Return what was answered and is not stored, or stored and was not answered."""
    told: list[str] = []
    wanted = Counter[str]()
    for each in found.values():
        wrong = {status: n for status, n in each.answers.items() if status not in {each.case.status, BUSY}}
        if wrong:
            told.append(f"{each.case.name}: answered {wrong} instead of {each.case.status}")
        if each.case.server == cases.SERVED:
            for what, n in each.case.keeps.items():
                wanted[what] += n * each.answers[each.case.status]
    told += [
        f"{what}: {counted[what]} stored, {wanted[what]} answered" for what in wanted if wanted[what] != counted[what]
    ]
    return told


def _result(found: dict[str, Measured], before: int, after: int, missing: list[str]) -> report.Result:
    off = noise(found["pixel alone"], found["pixel alone, control"])
    lines = [report.line(each, found, off) for each in found.values()]
    lines.append(report.bound("memory, idle, before any request", before / MB, MEMORY / MB, "MB"))
    lines.append(report.bound("memory, idle, after all of them", after / MB, MEMORY / MB, "MB"))
    answers = sum(each.answers[each.case.status] for each in found.values() if each.case.keeps)
    settled = [each for case in found.values() for each in case.settled]
    busy = sum(each.answers[BUSY] for each in found.values())
    kept = f"Rows stored equal answers: {answers} requests that keep something were answered, and kept exactly that."
    lines.append(report.bound("rows stored that were not answered, or the reverse", len(missing), 0, ""))
    notes = [
        f"{CONNECTIONS} connections, each asking again as soon as it is answered.",
        f"The control differs from the pixel by {off:.1%}"
        + (": NOISY, run it again on a quiet machine." if off > report.NOISY else "."),
        f"Settling is not in these: {median(settled):.0f} us an event, in the background, a few hundred at once."
        if settled
        else "",
        kept if not missing else "WRONG: " + "; ".join(missing),
        *([f"{busy} were answered 503: the disk did not keep up."] if busy else []),
        f"The slow disk takes {SLOW_DISK / 1000:g} ms longer for every fsync.",
    ]
    return report.Result(lines, off, notes)


def run(place: Path, *, rounds: int, seconds: float, postgres: str, peer: tuple[str, int] | None) -> report.Result:
    """Run the comparison, print it and write it down."""
    load, began = report.busy(), time.monotonic()
    result = compare(place, rounds=rounds, seconds=seconds, postgres=postgres, peer=peer)
    if load > BUSY_LOAD:
        told = f"The machine was busy with other things (load {load:.0f}): all figures are too high, latencies most."
        result = replace(result, notes=[*result.notes, told])
    click.echo(f"\n{report.table(result)}\n{report.machine()}; {time.monotonic() - began:.0f} s")
    report.write(result, place, "server")
    return result
