"""Keeps a store whole when its process forks: neither a thread nor a SQLite connection lives through that."""

import os
from typing import Protocol
from weakref import WeakSet


class Forkable(Protocol):
    """What must know of a fork."""

    def before_fork(self) -> None:
        """Come to rest: what is open is closed until one of the next two is called."""

    def after_fork_in_parent(self) -> None:
        """Go on."""

    def after_fork_in_child(self) -> None:
        """Begin anew: locks may be held by threads that do not exist here."""


_followed: WeakSet[Forkable] = WeakSet()
_at_rest: list[Forkable] = []


def follow(forkable: Forkable) -> None:
    """Tell something of every fork from now on, for as long as it lives."""
    _followed.add(forkable)


def _before() -> None:
    for forkable in list(_followed):
        forkable.before_fork()
        _at_rest.append(forkable)


def _in_parent() -> None:
    while _at_rest:
        _at_rest.pop().after_fork_in_parent()


def _in_child() -> None:
    _at_rest.clear()
    for forkable in list(_followed):
        forkable.after_fork_in_child()


os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
