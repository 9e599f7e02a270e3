"""Charts of panels, as SVG and PNG, for whoever would rather look than read. Each has its numbers as a table beside it.

Series differ by colour, by dashes and by pattern, so that none depends on seeing colours. pygal computes scales and
shapes; what it writes for scripts is left out, as none would run, and the legend and the marks are ours.
"""

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import chain
from typing import Any

import pygal
import resvg_py
from pygal.style import Style

from gatekeeper.core.panels import Cell, Panel, Shape, Unit
from gatekeeper.store.books import Mark, MarkKind

from .writing import say

# pygal hooks itself into the imports of the whole process, for plugins that we have none of, and in a way that Python
# 3.11 warns of at each import that fails.
sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__ != pygal.__name__]

#: On a desk and on a phone: a picture is scaled to its place, and its text with it.
WIDTH, NARROW = 640, 300
_HEIGHT, _NARROW_HEIGHT = 280, 250
#: More bars than this are not read; the table has them all.
MOST_BARS = 12
#: There are no more colours that can be told apart; see :data:`_COLOURS`.
MOST_SERIES = 6

_FONT = 12
#: Of a letter, in parts of the size of the font: generous, as nobody knows the font.
_LETTER, _WIDE_LETTER = 0.58, 1.0
_WIDE = 0x1100
#: Wider than others in most fonts.
_BROAD = frozenset("mwMW@%")
_ROW, _BAR = 18, 26
_SAMPLE = 26
_GAP = 18
_EDGE = 12

#: By Okabe and Ito, for every kind of colour vision; darkened or lightened to 3:1 on our cards (WCAG 2.2, 1.4.11).
_COLOURS = {
    False: ("#0072b2", "#d55e00", "#008a64", "#b65a8f", "#946c00", "#3d444b"),
    True: ("#56b4e9", "#f0883e", "#2dbf95", "#e39cc4", "#e9c13a", "#c9ced4"),
}
_TEXT = {False: "#454d56", True: "#b4bcc5"}
_LINE = {False: "#e1e4e8", True: "#363c44"}
_MARK = {False: "#6f7883", True: "#939ca6"}
_DASHES = ("none", "8 4", "2 3", "10 3 2 3", "14 5", "5 2 1 2 1 2")
#: What fills the bars of each series, drawn into a tile of 8 by 8; the first is filled as a whole.
_TILES = (
    "",
    "M-2 2L2 -2M0 8L8 0M6 10L10 6",
    "M2 2h2v2h-2zM6 6h2v2h-2z",
    "M0 2H8M0 6H8",
    "M0 0L8 8M8 0L0 8",
    "M2 0V8M6 0V8",
)
#: XML has no place for these, however they are written (XML 1.0, 2.2).
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LONG_NUMBER = re.compile(r"(\d+\.\d)\d+")
_COORDINATES = ("d", "x", "y", "width", "height", "cx", "cy")

_THOUSANDS = ((10**9, "bn"), (10**6, "m"), (10**3, "k"))

_MARK_TITLES = {
    MarkKind.NOTICE: "Notice {name}",
    MarkKind.REGISTRY: "Registry",
    MarkKind.MODE: "Policy",
    MarkKind.GUARD: "Guard",
    MarkKind.HOST: "New host",
    MarkKind.NOTE: "{text}",
}
_LONGEST_MARK = 16
_MARK_ROWS = 2


@dataclass(frozen=True, slots=True)
class _Figure:
    """What is drawn of a panel.

    :param names: what is told apart, one for each value.
    :param series: title and values; None leaves a gap.
    """

    shape: Shape
    title: str
    by_day: bool
    unit: Unit
    names: tuple[str, ...]
    series: tuple[tuple[str, tuple[float | None, ...]], ...]
    narrow: bool

    @property
    def width(self) -> int:
        return NARROW if self.narrow else WIDTH

    @property
    def upright(self) -> bool:
        """Whether values go upwards."""
        return self.shape is Shape.LINES or self.by_day

    @property
    def told_beside(self) -> bool:
        """Whether each bar has its number beside it, so that no axis has to tell it."""
        return self.shape is Shape.BARS and not self.upright

    @property
    def legend(self) -> list[list[tuple[int, int, str]]]:
        """The rows of the legend: the place and number of each series, and its title."""
        rows: list[list[tuple[int, int, str]]] = [[]]
        if len(self.series) < 2:
            return []
        x, room = 0, self.width - 2 * _EDGE
        for number, (title, _) in enumerate(self.series):
            told = fit(title, room - _SAMPLE - _GAP)
            needed = _SAMPLE + text_width(told) + _GAP
            if x and x + needed > room:
                rows.append([])
                x = 0
            rows[-1].append((x, number, told))
            x += needed
        return rows

    @property
    def height(self) -> int:
        if self.upright:
            return (_NARROW_HEIGHT if self.narrow else _HEIGHT) + _ROW * max(0, len(self.legend) - 1)
        bars = len(self.series) if self.shape is Shape.BARS else 1
        rows = len(self.legend) + (0 if self.told_beside else 1)
        return 2 * _EDGE + _ROW * rows + len(self.names) * max(_BAR, 14 * bars + 8)


def draw(panel: Panel, marks: Sequence[Mark] = (), *, dark: bool | None = None, narrow: bool = False) -> bytes:
    """Return a panel's chart as SVG.

    :param marks: what happened on days that the chart shows.
    :param dark: None leaves it to whoever looks at it: the picture then follows what their system prefers.
    :param narrow: for a phone.
    :raises ValueError: the panel has none.
    """
    figure = _figure(panel, narrow)
    marks = [mark for mark in marks if mark.day in figure.names] if figure.by_day else []
    graph = _graph(figure, marked=bool(marks))
    graph.add_xml_filter(lambda root: _finish(graph, root, figure, marks, dark))
    return str(graph.render(is_unicode=True)).encode()


def picture(panel: Panel, marks: Sequence[Mark] = (), *, dark: bool = False) -> bytes:
    """Return a panel's chart as PNG, for what shows no SVG: mail."""
    background = "#1b1e23" if dark else "#ffffff"
    drawn = draw(panel, marks, dark=dark).decode()
    return bytes(resvg_py.svg_to_bytes(svg_string=drawn, zoom=2, background=background))


def size(panel: Panel, *, narrow: bool = False) -> tuple[int, int]:
    """Return the width and height of a panel's chart, so that a page can keep its place."""
    figure = _figure(panel, narrow)
    return figure.width, figure.height


def text_width(text: str) -> int:
    """Return how wide a text can get, at most."""
    return round(_FONT * sum(_WIDE_LETTER if _is_wide(letter) else _LETTER for letter in text))


def _is_wide(letter: str) -> bool:
    return ord(letter) >= _WIDE or letter in _BROAD


def fit(text: str, room: int) -> str:
    """Return a text that is no wider than the room there is, cut at its end."""
    if text_width(text) <= room:
        return text
    while text and text_width(f"{text}…") > room:
        text = text[:-1]
    return f"{text.rstrip()}…"


def _figure(panel: Panel, narrow: bool) -> _Figure:
    chart = panel.chart
    if chart is None:
        raise ValueError(f"panel {panel.id} has no chart")
    ids = [column.id for column in panel.columns]
    across = panel.columns[ids.index(chart.across)]
    by_day = across.unit is Unit.DAY
    rows = panel.rows if chart.shape is Shape.LINES or by_day else panel.rows[:MOST_BARS]
    places = [ids.index(id) for id in chart.series[:MOST_SERIES]]
    return _Figure(
        chart.shape,
        _clean(panel.title),
        by_day,
        panel.columns[places[0]].unit if places else Unit.COUNT,
        tuple(_clean(say(row[ids.index(chart.across)], across.unit)) for row in rows),
        tuple((_clean(panel.columns[at].title), tuple(_number(row[at]) for row in rows)) for at in places),
        narrow,
    )


def _clean(text: str) -> str:
    return _NOT_XML.sub("�", text).replace("\n", " ").replace("\r", " ").replace("\t", " ")


def _number(cell: Cell) -> float | None:
    return cell if isinstance(cell, int | float) else None


def _graph(figure: _Figure, *, marked: bool) -> Any:
    """Return pygal's graph of a figure, without its legend."""
    upright = {Shape.LINES: pygal.Line, Shape.BARS: pygal.Bar, Shape.STACKED: pygal.StackedBar}
    lying = {Shape.LINES: pygal.Line, Shape.BARS: pygal.HorizontalBar, Shape.STACKED: pygal.HorizontalStackedBar}
    bounds = _range(figure)
    graph = (upright if figure.upright else lying)[figure.shape](
        js=[],
        css=[],
        style=_STYLE,
        width=figure.width,
        height=figure.height,
        explicit_size=True,
        no_prefix=True,
        disable_xml_declaration=True,
        show_legend=False,
        show_dots=False,
        allow_interruptions=True,
        margin=_EDGE,
        margin_top=_EDGE + _ROW * len(figure.legend) + (_ROW * _MARK_ROWS if marked else 0),
        margin_right=_EDGE + _last_label(figure),
        spacing=8,
        truncate_label=100,
        show_x_labels=not figure.told_beside,
        show_minor_x_labels=not figure.by_day,
        show_minor_y_labels=True,
        range=bounds,
        order_min=None if figure.unit is Unit.SHARE else 0,
        max_scale=3 if figure.narrow and not figure.upright else 6,
        min_scale=1 if figure.narrow else 3,
        value_formatter=lambda value: short(value, figure.unit, bounds[1]),
        no_data_text="",
    )
    # Lying graphs begin at the bottom.
    step = 1 if figure.upright else -1
    room = figure.width * 2 // 5 if figure.narrow else figure.width // 3
    graph.x_labels = list(figure.names) if figure.by_day else [fit(name, room) for name in figure.names[::step]]
    graph.x_labels_major = _told_days(figure)
    for title, values in figure.series:
        graph.add(title, list(values[::step]))
    return graph


_STYLE = Style(font_family="sans-serif", label_font_size=_FONT, value_font_size=_FONT, major_label_font_size=_FONT)


def _last_label(figure: _Figure) -> int:
    """Return how much room there has to be on the right: for half a day's name, or for the number beside a bar."""
    if figure.upright:
        return 22
    if not figure.told_beside:
        return 12
    return (
        max((text_width(_told(value, figure.unit)) for _, values in figure.series for value in values), default=0) + 8
    )


def _told(value: float | None, unit: Unit) -> str:
    return "" if value is None else say(value, unit)


def _range(figure: _Figure) -> tuple[float, float]:
    values = [[value or 0 for value in values] for _, values in figure.series]
    heights = [sum(row) for row in zip(*values, strict=True)] if figure.shape is Shape.STACKED else [*chain(*values)]
    return min([0, *heights]), max([0, *heights]) or 1


def _told_days(figure: _Figure) -> list[str]:
    """Return the days that are written below the axis: the last, and others at equal distances."""
    if not figure.by_day:
        return []
    step = -(-len(figure.names) // (4 if figure.narrow else 8))
    return [*figure.names[::-1][::step]] if step else []


def short(value: float, unit: Unit, highest: float) -> str:
    """Return a number as axes have it: all of an axis in the same thousands.

    :param highest: the largest number on the axis.
    """
    if unit is Unit.SHARE:
        return f"{value:.1%}".replace(".0%", "%").replace("%", " %")
    if unit is Unit.SECONDS:
        return say(value, unit)
    size, letter = next((step for step in _THOUSANDS if highest >= 10 * step[0]), (1, ""))
    return f"{value / size:,.1f}".removesuffix(".0") + (letter if value else "")


def _finish(graph: Any, root: Any, figure: _Figure, marks: Sequence[Mark], dark: bool | None) -> Any:
    """Make what pygal has drawn ours: without scripts, in our colours, with a legend and marks."""
    _strip(root)
    root.attrib.pop("id", None)
    root.set("role", "img")
    root.find("title").text = figure.title
    defs = root.find("defs")
    defs.clear()
    graph.svg.node(defs, "style").text = _css(dark)
    for number in range(1, len(figure.series) if figure.shape is not Shape.LINES else 0):
        _tile(graph, defs, number)
    plot = graph.nodes["plot"]
    _write_days(plot, figure)
    if figure.shape is Shape.LINES:
        _draw_single_points(graph, figure)
    elif figure.told_beside:
        _write_values(graph, figure)
    _draw_legend(graph, root, figure)
    _draw_marks(graph, plot, figure, marks)
    return root


def _strip(node: Any) -> None:
    """Leave out what only scripts need, and of coordinates what nobody sees."""
    for child in list(node):
        name = child.tag if isinstance(child.tag, str) else ""
        kind = child.get("class", "") if name else ""
        if not name or name in {"desc", "script"} or "tooltip-overlay" in kind or "text-overlay" in kind:
            node.remove(child)
            continue
        for key in _COORDINATES:
            if key in child.attrib:
                child.set(key, _LONG_NUMBER.sub(r"\1", child.get(key)))
        _strip(child)


def _css(dark: bool | None) -> str:
    css = _FORMS + _colours(bool(dark))
    return css if dark is not None else f"{css}@media(prefers-color-scheme:dark){{{_colours(True)}}}"


_FORMS = (
    f"text{{font:{_FONT}px system-ui,sans-serif}}.background{{fill:none}}path{{fill:none}}"
    ".axis.x text{text-anchor:middle}.axis.y text{text-anchor:end}"
    ".vertical .axis.x .guide,.horizontal .axis.y .guide{display:none}"
    ".series path{stroke-width:2;stroke-linejoin:round;stroke-linecap:butt}.mark{stroke-dasharray:1 2}"
    + "".join(f".series.color-{n} path,.sample-{n}{{stroke-dasharray:{dash}}}" for n, dash in enumerate(_DASHES))
    + ".color-0 rect{stroke:none}"
    + "".join(f".color-{n} rect{{fill:url(#tile-{n});stroke-width:1}}" for n in range(1, MOST_SERIES))
)


def _colours(dark: bool) -> str:
    series = "".join(
        f".color-{n} path,.color-{n} rect,.tile-{n}{{stroke:{colour}}}"
        f".color-{n} circle,.ground-{n}{{fill:{colour}}}" + (f".color-0 rect{{fill:{colour}}}" if not n else "")
        for n, colour in enumerate(_COLOURS[dark])
    )
    return f"text{{fill:{_TEXT[dark]}}}.line{{stroke:{_LINE[dark]}}}.mark{{stroke:{_MARK[dark]}}}{series}"


def _tile(graph: Any, defs: Any, number: int) -> None:
    node = graph.svg.node
    tile = node(defs, "pattern", id=f"tile-{number}", width=8, height=8, patternUnits="userSpaceOnUse")
    node(tile, "path", class_=f"ground-{number}", d="M0 0H8V8H0z", **{"fill-opacity": "0.18"})
    node(tile, "path", class_=f"tile-{number}", d=_TILES[number], **{"stroke-width": "1.5"})


def _write_days(plot: Any, figure: _Figure) -> None:
    """Write days as people do; with their years where there are several of those."""
    if not figure.by_day or not figure.names:
        return
    years = figure.names[0][:4] != figure.names[-1][:4]
    for axis in plot:
        if axis.get("class", "").startswith("axis x"):
            for text in axis.iter("text"):
                day = date.fromisoformat(text.text)
                text.text = f"{day:%b} {day.year}" if years and len(figure.names) > 300 else f"{day.day} {day:%b}"


def _draw_single_points(graph: Any, figure: _Figure) -> None:
    """Draw a dot where a line has only one point: between two days that are not measured."""
    for number, (_, values) in enumerate(figure.series):
        edged = (None, *values, None)
        alone = [at - 1 for at in range(1, len(edged) - 1) if edged[at - 1] is edged[at + 1] is None]
        for at in alone:
            value = values[at]
            if value is not None:
                group = graph.svg.node(graph.nodes["plot"], class_=f"color-{number}")
                place = {"cx": f"{_across(graph, figure, at):.1f}", "cy": f"{graph.view.y(value):.1f}"}
                graph.svg.node(group, "circle", r=3, **place)


def _across(graph: Any, figure: _Figure, at: int) -> float:
    """Return where a day is, from the left of the plot."""
    days = len(figure.names)
    if figure.shape is not Shape.LINES:
        return float(graph.view.width * (at + 0.5) / days)
    return float(graph.view.x(at / (days - 1) if days > 1 else 0.5))


def _write_values(graph: Any, figure: _Figure) -> None:
    """Write each bar's number beside it."""
    plot = graph.nodes["plot"]
    for number, (_, values) in enumerate(figure.series):
        series = [node for node in plot if f"serie-{number}" in node.get("class", "").split()]
        bars = [bar for node in series for bar in node.iter("rect")]
        for bar, value in zip(bars, (value for value in values[::-1] if value is not None), strict=True):
            # pygal leaves out what is 0.
            left, wide, top, high = (float(bar.get(key) or 0) for key in ("x", "width", "y", "height"))
            x, y = left + wide + 6, top + high / 2 + _FONT * 0.35
            graph.svg.node(plot, "text", x=f"{x:.1f}", y=f"{y:.1f}").text = say(value, figure.unit)


def _draw_legend(graph: Any, root: Any, figure: _Figure) -> None:
    node = graph.svg.node
    for row, items in enumerate(figure.legend):
        y = _EDGE + row * _ROW
        for x, number, title in items:
            lines = figure.shape is Shape.LINES
            item = node(root, class_=f"{'series ' if lines else ''}color-{number}")
            if lines:
                node(item, "path", d=f"M{_EDGE + x} {y}h{_SAMPLE - 6}")
            else:
                node(item, "rect", x=_EDGE + x, y=y - 6, width=_SAMPLE - 8, height=12)
            node(item, "text", x=_EDGE + x + _SAMPLE, y=y + 4).text = title


def _draw_marks(graph: Any, plot: Any, figure: _Figure, marks: Sequence[Mark]) -> None:
    """Draw a line for each day on which something happened, and say what, where there is room for it."""
    ends = [-float(_EDGE)] * _MARK_ROWS
    for day, told in _by_day(marks):
        x = _across(graph, figure, figure.names.index(day))
        width = text_width(told)
        left = x + 3 if x + 3 + width <= graph.view.width + _EDGE else x - 3 - width
        # The highest row that is free, below which this line crosses no words.
        free = [row for row in range(_MARK_ROWS) if left >= ends[row] and all(x >= end for end in ends[:row])]
        top = -_ROW * free[-1] - 16 if free else -4
        graph.svg.node(plot, "path", class_="mark", d=f"M{x:.1f} {top}V{graph.view.height:.1f}")
        if free:
            ends[free[-1]] = left + width + 8
            graph.svg.node(plot, "text", x=f"{left:.1f}", y=-_ROW * free[-1] - 6).text = told


def _by_day(marks: Sequence[Mark]) -> Iterator[tuple[str, str]]:
    days: dict[str, list[Mark]] = {}
    for mark in sorted(marks, key=lambda mark: mark.day):
        days.setdefault(mark.day, []).append(mark)
    for day, same in days.items():
        yield day, mark_label(same[0]) + (f" +{len(same) - 1}" if len(same) > 1 else "")


def mark_label(mark: Mark) -> str:
    """Return what a chart says of a mark: a word or two."""
    told = _clean(_MARK_TITLES[mark.kind].format(name=mark.name, text=mark.text))
    return told if len(told) <= _LONGEST_MARK else f"{told[: _LONGEST_MARK - 1].rstrip()}…"
