"""Whether a panel can be about a tracker: one that nobody has heard of is more likely misspelt than silent."""

from gatekeeper.core.panels import Asked
from gatekeeper.core.trackers import GUARD

from .outcomes import UNKNOWN, read
from .sources import Sources


def is_known(sources: Sources, asked: Asked) -> bool:
    """Tell whether what is asked about is declared, or was met on these days."""
    name = asked.about
    if name in sources.site.trackers or name in {GUARD, UNKNOWN}:
        return True
    return name in read(sources, asked.first, asked.last, bot=asked.bot, tracker=name).trackers()
