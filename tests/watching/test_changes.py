"""What a look changes: a table of what is wrong now, and what was."""

import pytest

from gatekeeper.core.alarms import Kind
from gatekeeper.store.books import Alarm
from gatekeeper.watching.rules import Verdict
from gatekeeper.watching.watch import changes

from .conftest import NOON

#: What a rule says (None where it says nothing of it), whether an alarm is open; whether one begins, or is over.
CHANGES: list[tuple[str, bool | None, bool, bool, bool]] = [
    ("wrong", True, False, True, False),
    ("wrong", True, True, False, False),
    ("right", False, False, False, False),
    ("right", False, True, False, True),
    ("cannot tell", None, False, False, False),
    ("cannot tell", None, True, False, False),
    ("says nothing", None, False, False, False),
    ("says nothing", None, True, False, True),
]


@pytest.mark.parametrize(("says", "wrong", "is_open", "begins", "over"), CHANGES)
def test_what_follows_from_a_verdict(says: str, wrong: bool | None, is_open: bool, begins: bool, over: bool) -> None:
    verdicts = [] if says == "says nothing" else [Verdict(Kind.SLIPPED, "ads", wrong, "why")]
    alarm = Alarm("shop", Kind.SLIPPED, "ads", NOON - 60, "before")

    found = changes("shop", verdicts, [alarm] if is_open else [], now=NOON)

    assert found.begun == ((Alarm("shop", "slipped", "ads", NOON, "why"),) if begins else ())
    assert found.over == ((alarm,) if over else ())


def test_things_of_one_kind_are_told_apart() -> None:
    open_alarms = [Alarm("shop", Kind.HOST, "a.test", NOON, "x"), Alarm("shop", Kind.SLIPPED, "b.test", NOON, "x")]

    found = changes("shop", [Verdict(Kind.HOST, "b.test", True, "y")], open_alarms, now=NOON)

    assert [(alarm.kind, alarm.name) for alarm in found.begun] == [("host", "b.test")]
    assert [(alarm.kind, alarm.name) for alarm in found.over] == [("host", "a.test"), ("slipped", "b.test")]
