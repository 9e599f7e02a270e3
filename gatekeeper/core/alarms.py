"""Alarms: what can be wrong with a site, in words, and what to do about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What is wrong."""

    SILENT = "silent"
    CHOICE = "choice"
    SLIPPED = "slipped"
    HOST = "host"
    PURGE = "purge"
    CHECK = "check"


@dataclass(frozen=True, slots=True)
class Words:
    """How an alarm is told.

    :param title: of the kind, in a few words.
    :param looks_at: what is looked at, and when it is an alarm.
    :param to_do: what whoever reads it does next.
    """

    title: str
    looks_at: str
    to_do: str


WORDS: Mapping[Kind, Words] = {
    Kind.SILENT: Words(
        "A tag has gone silent",
        "a declared tracker that was requested or loaded in the days before and no more, while page views go on",
        "See whether the tag is still in your pages, and what the tracker's page says of failures and blocking.",
    ),
    Kind.CHOICE: Words(
        "Fewer or more visitors agree",
        "the share of yesterday's choices that agree, beside the seven days before",
        "See what changed that day: a notice, the banner, a campaign that brings other people.",
    ),
    Kind.SLIPPED: Words(
        "Something slipped through",
        "a tracker that a page reached although it was denied",
        "Mark its tags with data-gk, or let your web server send the gate's header. It happens to visitors right now.",
    ),
    Kind.HOST: Words(
        "A host was seen for the first time",
        "a host that your pages called in a staff browser and that nothing declares",
        "Declare it, with what it is for, or remove what calls it. Until then the gate holds it back.",
    ),
    Kind.PURGE: Words(
        "What may be kept no longer is still there",
        "when the last purge was finished: more than 48 hours ago",
        "Run `gatekeeper purge`: it does it by hand, and says what is in the way.",
    ),
    Kind.CHECK: Words(
        "The check of your pages failed",
        "your own pages in a real browser that refuses, withdraws, objects or says nothing",
        "Run `gatekeeper check --live` and see what went out on which page; then mark the tag, or declare what it is.",
    ),
}

#: In place of a kind: a message that somebody asked for, to see whether it arrives.
TEST = "test"
_OTHERS = {TEST: Words("A test", "", "Nothing: this was asked for, to see whether it arrives.")}


def words_of(kind: str) -> Words:
    """Return the words of a kind, also of one that another version knew."""
    return WORDS[Kind(kind)] if kind in set(Kind) else _OTHERS.get(kind, Words("Something else", "", ""))
