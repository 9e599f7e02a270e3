"""What is compared, and the budgets that it has to keep."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from e2e.served import ORIGIN

from . import requests
from .requests import Cookies
from .servers import Gatekeeper, Server

BARE, CONTROL, FLASK, SERVED, SLOW = "bare", "control", "flask", "gatekeeper", "slow disk"


@dataclass(frozen=True)
class Budget:
    """What a case may cost; None where there is no bound.

    :param ratio: of processor time to that of the pixel alone.
    :param micros: of processor time for a request.
    :param p99: in milliseconds, while every connection asks again as soon as it is answered.
    :param of: which case ``ratio`` is about.
    """

    ratio: float | None = None
    micros: float | None = None
    p99: float | None = None
    of: str = "pixel alone"


@dataclass(frozen=True)
class Case:
    """One kind of request to one server.

    :param keeps: what must be stored for each answer: a count by what :func:`bench.stored.stored` counts.
    """

    name: str
    server: str
    requests: Iterator[bytes]
    status: int = 200
    budget: Budget = field(default_factory=Budget)
    keeps: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Visitors:
    """Who comes to one Gatekeeper: those who have granted everything, and one who has refused."""

    key: str
    granted: list[Cookies]
    refused: Cookies


def come(served: Gatekeeper, count: int = requests.VISITORS) -> Visitors:
    """Have visitors make their choices."""
    granted: list[Cookies] = [served.grant("analytics", "marketing") for _ in range(count)]
    refusal = {"refused": ["analytics", "marketing"], "notice": 1}
    held = served.post("/gk/shop/choice", refusal).cookies
    return Visitors(served.key, granted, {name: value for name, value in held.items() if value})


def references() -> list[Case]:
    """Return the cases without Gatekeeper. The control is the pixel alone once more, from a second process."""
    beacon = requests.get(requests.BEACON)
    return [
        Case("pixel alone", BARE, _again(beacon)),
        Case("pixel alone, control", CONTROL, _again(beacon)),
        Case("pixel, plain Flask", FLASK, _again(beacon)),
    ]


def gatekeeper(visitors: Visitors, *, patience: float) -> list[Case]:
    """Return the cases of Gatekeeper.

    :param patience: the bound of p99 for what is stored, in milliseconds.
    """
    silent = Budget(ratio=1.2)
    durable = Budget(ratio=6, micros=200, p99=patience)
    refused = requests.get(requests.BEACON, visitors.refused)
    script = requests.get("/gk/shop/gatekeeper.js", **{"Sec-Fetch-Dest": "script"})
    again = Budget(ratio=2, of="beacon, granted")
    return [
        Case("beacon, no choice", SERVED, _again(requests.get(requests.BEACON)), 200, silent, {"hits": 1}),
        Case("beacon, refused", SERVED, _again(refused), 200, silent, {"hits": 1}),
        Case("beacon, granted", SERVED, requests.beacons(visitors.granted), 200, durable, {"events": 1}),
        Case("the same, 5,000 made-up browsers", SERVED, requests.hostile_beacons(visitors.granted), 200, again, EVENT),
        Case("link, granted", SERVED, requests.links(visitors.granted, visitors.key), 302, Budget(p99=patience), EVENT),
        Case("20 events at once", SERVED, requests.batches(visitors.granted), 204, Budget(), {"events": 20}),
        Case("choice", SERVED, requests.choices(), 200, Budget(micros=250, p99=patience), {"records": 1}),
        Case("script", SERVED, _again(script), 200),
    ]


EVENT = {"events": 1}


def slow(visitors: Visitors) -> list[Case]:
    """Return the cases of a Gatekeeper on a slow disk."""
    return [Case("beacon, granted, slow disk", SLOW, requests.beacons(visitors.granted), 200, Budget(), EVENT)]


def peer(path: str, host: str) -> Case:
    """Return the case of somebody else's server."""
    headers = {"Host": host, "Origin": ORIGIN}
    return Case("peer", "peer", _again(requests.get(path, **headers)))


def _again(request: bytes) -> Iterator[bytes]:
    while True:
        yield request


Start = Callable[[], Server]
