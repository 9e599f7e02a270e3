"""What goes wrong over HTTP, and the one table of which error becomes which status."""

from gatekeeper.core.errors import GatekeeperError, InvalidInput, StaleNotice, StoreUnavailable


class NotFound(GatekeeperError):
    """There is nothing under this address."""


class NotHere(NotFound):
    """What is staff's does not answer where it was asked for; not even a page says so."""


class Forbidden(GatekeeperError):
    """The request comes from a place that may not make it."""


class SignedOut(GatekeeperError):
    """Nobody is signed in, or what a program carries is no token of ours."""


class TooLarge(InvalidInput):
    """The body is longer than the route allows."""


class StillSending(GatekeeperError):
    """The body is too slow to come."""


class TooManySlow(GatekeeperError):
    """Too many bodies are slow to come, so that this one is not waited for."""


class TooManyListeners(GatekeeperError):
    """As many look at what happens as may."""


class TooOften(GatekeeperError):
    """One address asks more than it may.

    :param again_in: when it may ask again, in seconds.
    """

    def __init__(self, again_in: int) -> None:
        super().__init__("too many requests come from this address: more are answered in a minute")
        self.again_in = again_in


#: From narrow to wide: the first that fits.
STATUS: tuple[tuple[type[GatekeeperError], int], ...] = (
    (StaleNotice, 409),
    (TooLarge, 413),
    (InvalidInput, 400),
    (SignedOut, 401),
    (Forbidden, 403),
    (NotFound, 404),
    (StillSending, 408),
    (TooOften, 429),
    (TooManySlow, 503),
    (TooManyListeners, 503),
    (StoreUnavailable, 503),
    (GatekeeperError, 500),
)


def status_of(error: GatekeeperError) -> int:
    """Return the status of an error."""
    return next(status for kind, status in STATUS if isinstance(error, kind))
