"""Why a number has changed: into what its rise or fall splits."""

from .sources import Listed

PANELS: tuple[Listed, ...] = ()
