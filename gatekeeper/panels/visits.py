"""Visits of those who agreed: what they read, and with what."""

from .sources import Listed

PANELS: tuple[Listed, ...] = ()
