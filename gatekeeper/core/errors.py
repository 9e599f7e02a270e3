"""What can go wrong, from wide to narrow. Each level adds one fact; ``web`` maps each kind to a status."""


class GatekeeperError(Exception):
    """Anything this project raises on purpose. The text is safe to show: it names ids, never people."""


class InvalidInput(GatekeeperError):
    """Somebody sent a value that breaks a rule. The message names the value and the rule."""


class StaleNotice(InvalidInput):
    """A grant was given for a notice that is no longer the current one."""

    def __init__(self, given: int, current: int) -> None:
        super().__init__(f"notice {given} is not the current one: a grant must be for notice {current}")
        self.current = current


class BadToken(GatekeeperError):
    """A signed value that no key on the list has signed, or whose shape is wrong. Callers treat it as absent."""


class BadChoice(GatekeeperError):
    """A ``gk_choice`` value that cannot be read. Callers treat it as no choice."""


class ConfigError(GatekeeperError):
    """The configuration cannot be used."""


class StoreUnavailable(GatekeeperError):
    """The store cannot promise to keep what it is given: locked, full, read-only, or its queue is full."""


class StoreClosed(StoreUnavailable):
    """The store has been closed: this process is about to end."""


class StoreLocked(ConfigError):
    """Another serving process already writes to this SQLite file."""


def where(error: BaseException) -> str:
    """Return what kind of error it was and where it happened, innermost first, for logs.

    Its own text is left out: that may hold what a visitor sent, or what a database driver quotes of a row.
    """
    places: list[str] = []
    step = error.__traceback__
    while step is not None:
        code = step.tb_frame.f_code
        places.append(f"{code.co_filename.rpartition('/')[2]}:{step.tb_lineno} {code.co_name}")
        step = step.tb_next
    return f"{type(error).__name__} at {' < '.join(reversed(places))}" if places else type(error).__name__
