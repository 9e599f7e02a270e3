"""Trackers: what became of each, and the gap to what its vendor counts."""

from .sources import Listed

PANELS: tuple[Listed, ...] = ()
