"""All panels by their names: the pages, the files, the reports and the API offer exactly these."""

from collections.abc import Mapping

from . import changes, overview, registry, trackers, visits
from .sources import Listed

PANELS: Mapping[str, Listed] = {
    listed.id: listed for module in (overview, trackers, visits, changes, registry) for listed in module.PANELS
}
