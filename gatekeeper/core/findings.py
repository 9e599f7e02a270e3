"""What an examination finds: one line each, with what it means and how to mend it."""

from dataclasses import dataclass
from enum import StrEnum


class Sign(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that was looked at.

    :param about: what was looked at, such as ``keys`` or ``site shop``.
    :param rule: what is asked, and whose rule it is; empty where all is well.
    :param fix: what to do; empty where all is well.
    """

    sign: Sign
    about: str
    found: str
    rule: str = ""
    fix: str = ""

    def __str__(self) -> str:
        line = f"{self.sign.value:<5} {self.about}: {self.found}"
        rule = f" | rule: {self.rule}" if self.rule else ""
        return line + rule + (f" | fix: {self.fix}" if self.fix else "")


def ok(about: str, found: str) -> Finding:
    return Finding(Sign.OK, about, found)


def warn(about: str, found: str, rule: str, fix: str) -> Finding:
    return Finding(Sign.WARN, about, found, rule, fix)


def fail(about: str, found: str, rule: str, fix: str) -> Finding:
    return Finding(Sign.FAIL, about, found, rule, fix)
