"""Problems: mistakes in the configuration, each with where it is, what rule it breaks and how to mend it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """A mistake in the configuration: where it is, what stands there, what rule it breaks, how to mend it."""

    key: str
    value: str
    rule: str
    fix: str

    def __str__(self) -> str:
        return f"{self.key} = {self.value}\n    rule: {self.rule}\n    fix:  {self.fix}"


def shown(value: object) -> str:
    """Return a value as a problem shows it: quoted, and cut where it is long."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}…"
