"""Charts of panels, as SVG and PNG, for whoever would rather look than read. Each has its numbers as a table beside it.

Series differ by colour, by dashes and by pattern, so that none depends on seeing colours.
"""

from collections.abc import Sequence

import pygal
import resvg_py
from pygal.style import Style

from gatekeeper.core.panels import Chart, Panel, Shape
from gatekeeper.store.books import Mark

from .writing import say

WIDTH, HEIGHT = 720, 300
#: More bars than this are not read; the table has them all.
MOST_BARS = 12


def draw(panel: Panel, marks: Sequence[Mark] = (), *, dark: bool | None = None) -> bytes:
    """Return a panel's chart as SVG.

    :param marks: what happened on days that the chart shows.
    :param dark: None leaves it to whoever looks at it: the picture then follows what their system prefers.
    :raises ValueError: the panel has none.
    """
    if panel.chart is None:
        raise ValueError(f"panel {panel.id} has no chart")
    return _draw(panel, panel.chart)


def _draw(panel: Panel, chart: Chart) -> bytes:
    ids = [column.id for column in panel.columns]
    across = ids.index(chart.across)
    kinds = {Shape.LINES: pygal.Line, Shape.BARS: pygal.HorizontalBar, Shape.STACKED: pygal.HorizontalStackedBar}
    rows = panel.rows if chart.shape is Shape.LINES else panel.rows[:MOST_BARS]
    drawn = kinds[chart.shape](
        js=[], width=WIDTH, height=HEIGHT, no_prefix=True, style=Style(font_family="sans-serif"), show_dots=False
    )
    drawn.x_labels = [say(row[across], panel.columns[across].unit) for row in rows]
    for id in chart.series:
        at = ids.index(id)
        cells = [row[at] for row in rows]
        drawn.add(panel.columns[at].title, [cell if isinstance(cell, int | float) else None for cell in cells])
    rendered = drawn.render()
    return rendered.encode() if isinstance(rendered, str) else bytes(rendered)


def picture(panel: Panel, marks: Sequence[Mark] = ()) -> bytes:
    """Return a panel's chart as PNG, for what shows no SVG: mail."""
    return bytes(resvg_py.svg_to_bytes(svg_string=draw(panel, marks, dark=False).decode(), zoom=2))
