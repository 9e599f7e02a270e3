"""Measure: rounds in which every case has its turn, so that whatever disturbs the machine disturbs all of them."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median, quantiles

from .cases import Case
from .load import Client
from .servers import Server

CONNECTIONS = 64
#: How long a case is warmed up before each measurement, in seconds.
WARM_UP = 0.2
#: By how much the control may differ from what it controls, before a run is called noisy.
NOISY = 0.05


@dataclass
class Measured:
    """What a case came to.

    :param micros: processor time of the server for a request, in microseconds, one for each round.
    :param rates: answers a second, one for each round.
    :param latencies: in seconds.
    :param answers: all that were given, by status, those of warming up included.
    :param settled: processor time of settling an event, in microseconds, one for each round that had any; it is not in
        ``micros``.
    """

    case: Case
    micros: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    answers: Counter[int] = field(default_factory=Counter)
    settled: list[float] = field(default_factory=list)

    @property
    def cpu(self) -> float:
        return median(self.micros)

    @property
    def rate(self) -> float:
        return median(self.rates)

    def percentile(self, percent: int) -> float:
        """Return a percentile of all latencies, in milliseconds."""
        return quantiles(self.latencies, n=100)[percent - 1] * 1000


def measure(
    cases: Sequence[Case],
    servers: Mapping[str, Server],
    *,
    rounds: int,
    seconds: float,
    tell: Callable[[], None] = lambda: None,
) -> dict[str, Measured]:
    """Give every case its turn, again and again, forwards and backwards.

    :param tell: called after each turn.
    """
    found = {case.name: Measured(case) for case in cases}
    for number in range(rounds):
        for case in reversed(cases) if number % 2 else cases:
            _turn(found[case.name], servers[case.server], seconds)
            tell()
    return found


def _turn(measured: Measured, server: Server, seconds: float) -> None:
    server.rest()
    begun = server.settling()
    with Client(server.port, CONNECTIONS, server.host) as client:
        warm = client.run(measured.case.requests, WARM_UP)
        settling, before = server.settling(), server.processor_time
        run = client.run(measured.case.requests, seconds)
        spent = server.processor_time - before
        spent -= server.settling().seconds - settling.seconds
    server.rest()
    ended = server.settling()
    if ended.settled > begun.settled:
        measured.settled.append((ended.seconds - begun.seconds) / (ended.settled - begun.settled) * 1e6)
    measured.answers += warm.statuses + run.statuses
    measured.micros.append(spent / run.answers * 1e6)
    measured.rates.append(run.answers / run.seconds)
    measured.latencies += run.latencies


def ratio(one: Measured, other: Measured) -> float:
    """Return how many times the processor time of another a case takes: the median of the rounds."""
    return median(mine / theirs for mine, theirs in zip(one.micros, other.micros, strict=True))


def noise(pixel: Measured, control: Measured) -> float:
    """Return by how much the same program differs from itself in this run: 0.03 is three in a hundred."""
    return abs(ratio(control, pixel) - 1)
