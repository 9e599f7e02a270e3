"""How a banner looks: where it stands, and its colours, which anybody must be able to tell apart (WCAG 2.2)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

#: Contrast of text, and of what else a visitor must see to use the banner (WCAG 2.2, 1.4.3 and 1.4.11, level AA).
TEXT = 4.5
PARTS = 3.0
#: The widest that corners are rounded, in pixels; past it a button's words run into its corners.
MAX_RADIUS = 24

_RULES = {TEXT: "text stands out by 4.5:1 (WCAG 2.2, 1.4.3)", PARTS: "parts stand out by 3:1 (WCAG 2.2, 1.4.11)"}
#: Which colour is seen on which, and how much they must differ. What is on buttons comes after the buttons.
_PAIRS = (
    ("ink", "paper", TEXT),
    ("soft", "paper", TEXT),
    ("line", "paper", PARTS),
    ("fill", "paper", PARTS),
    ("on", "fill", TEXT),
)
_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)
#: How many steps it is from a colour to black or white, where a better one is looked for.
_STEPS = 64

#: ``#rrggbb``. It ends in \Z: Python's $ lets a newline follow.
COLOUR = r"^#[0-9a-fA-F]{6}\Z"

_Rgb = tuple[int, int, int]


class Position(StrEnum):
    """Where in the window a banner stands."""

    BOTTOM = "bottom"
    CORNER = "corner"
    CENTRE = "centre"


@dataclass(frozen=True, slots=True)
class Theme:
    """The colours of a banner, as ``#rrggbb`` in lower case.

    :param ink: text.
    :param soft: quieter text.
    :param paper: what both stand on.
    :param line: borders.
    :param fill: buttons.
    :param on: text on buttons.
    """

    ink: str
    soft: str
    paper: str
    line: str
    fill: str
    on: str


LIGHT = Theme(ink="#17191c", soft="#4b5058", paper="#ffffff", line="#83878f", fill="#1c2733", on="#ffffff")
DARK = Theme(ink="#f1f2f4", soft="#c2c6cd", paper="#1b1d21", line="#8b9099", fill="#e6e9ee", on="#15171a")


@dataclass(frozen=True, slots=True)
class Banner:
    """How a site's banner looks.

    :param light: for visitors whose system is light, ``dark`` for those whose system is dark.
    :param radius: of its corners, in pixels.
    """

    position: Position = Position.BOTTOM
    light: Theme = LIGHT
    dark: Theme = DARK
    radius: int = 8


@dataclass(frozen=True, slots=True)
class Fault:
    """Two colours that are too much alike.

    :param key: the one to change, a field of :class:`Theme`; ``ground`` is the one it is seen on.
    :param ratio: their contrast, 1 to 21.
    :param rule: what is asked, with its source.
    :param better: a colour near the first that passes.
    """

    key: str
    colour: str
    ground: str
    against: str
    ratio: float
    rule: str
    better: str

    def __str__(self) -> str:
        # Rounded down: 4.49 would read as enough.
        found = int(self.ratio * 10) / 10
        return f"{self.rule}; {self.key} {self.colour} on {self.ground} {self.against} does by {found}:1"


def faults(theme: Theme) -> Iterator[Fault]:
    """Return the colours of a theme that are too much alike.

    Each takes the better colours of those before it as chosen, so that a theme with all of them has no fault.
    """
    for key, ground, least in _PAIRS:
        colour, against = getattr(theme, key), getattr(theme, ground)
        ratio = contrast(colour, against)
        if ratio < least:
            better = _better(colour, against, least)
            yield Fault(key, colour, ground, against, ratio, _RULES[least], better)
            theme = replace(theme, **{key: better})


def is_colour(value: object) -> bool:
    """Return whether something is a colour as a theme holds it."""
    return isinstance(value, str) and re.match(COLOUR, value) is not None


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, 1 to 21 (WCAG 2.2, contrast ratio)."""
    darker, lighter = sorted((_luminance(_rgb(one)), _luminance(_rgb(other))))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(rgb: _Rgb) -> float:
    # WCAG 2.2, relative luminance.
    shares = [part / 255 for part in rgb]
    red, green, blue = [
        share / 12.92 if share <= 0.04045 else float(((share + 0.055) / 1.055) ** 2.4) for share in shares
    ]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _better(colour: str, against: str, least: float) -> str:
    # On any ground black or white has a contrast of 4.58 or more, so that the last step always passes.
    tried = (_toward(end, _rgb(colour), step) for step in range(1, _STEPS + 1) for end in (_BLACK, _WHITE))
    return next(found for found in tried if contrast(found, against) >= least)


def _toward(end: _Rgb, rgb: _Rgb, step: int) -> str:
    mixed = (part + round((goal - part) * step / _STEPS) for part, goal in zip(rgb, end, strict=True))
    return "#" + "".join(f"{part:02x}" for part in mixed)


def _rgb(colour: str) -> _Rgb:
    red, green, blue = bytes.fromhex(colour[1:])
    return red, green, blue
