"""The overview: choices, what fired and what was blocked, visits, pages and conversions."""

from .sources import Listed

PANELS: tuple[Listed, ...] = ()
