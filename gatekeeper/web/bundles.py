"""The scripts of a site, made once: joined, stripped, compressed, and named by the hash of their content."""

import gzip
import hashlib
import re
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache
from typing import Any

import brotli
import msgspec
import rjsmin

from gatekeeper import assets
from gatekeeper.core.guard import guard_settings, page_settings, tells_early
from gatekeeper.core.languages import spoken
from gatekeeper.core.sites import Site, notice_content
from gatekeeper.languages import Words, own_name, words

from .ages import age_texts, asks_age
from .names import shorten
from .spoken import banner_texts, embed_texts, panel_texts

#: The guard's own files, in their order: they are one function, and the last of them begins.
GUARD = ("decide.js", "visitor.js", "wall.js", "locks.js", "gatekeeper.js")
#: What the guard loads when it is needed, and the files that each is joined of.
PARTS = {
    "page": (
        "write.js",
        "choose.js",
        "clear.js",
        "reload.js",
        "tags.js",
        "frames.js",
        "check.js",
        "report.js",
        "log.js",
        "page.js",
    ),
    "embeds": ("embeds.js",),
    "vendors": ("vendors.js",),
    "markup": ("markup.js",),
    "learn": ("learn.js",),
    "out": ("out.js",),
    "notice": ("notice.js",),
}


#: Chromium compiles each function of a script that begins so at once, instead of reading it twice; other browsers take
#: it for a comment. Worth it where most functions are called as the page loads: in the guard and the part "page".
_EAGER = "//# allFunctionsCalledOnLoad\n"
#: Languages whose own names Chromium does not know; all others the browser names by itself.
_UNNAMED = ("ga", "is", "mt")
#: What visitors read: to be asked, and to choose for each purpose and recipient.
LAYERS = {"banner": ("dress.js", "banner.js"), "panel": ("dress.js", "panel.js")}


@dataclass(frozen=True)
class Bundle:
    """A script, in every encoding it is served in."""

    identity: bytes

    @cached_property
    def hash(self) -> str:
        """The first 16 hex digits of its SHA-256."""
        return hashlib.sha256(self.identity).hexdigest()[:16]

    @property
    def integrity(self) -> str:
        """What it is checked by, for the ``integrity`` attribute of a script tag."""
        return f"sha384-{b64encode(hashlib.sha384(self.identity).digest()).decode()}"

    @cached_property
    def br(self) -> bytes:
        """It, compressed by brotli."""
        compressed: bytes = brotli.compress(self.identity, quality=11)
        return compressed

    @cached_property
    def gzip(self) -> bytes:
        """It, compressed by gzip."""
        return gzip.compress(self.identity, 9, mtime=0)

    def encoded(self, accepted: str) -> tuple[str, bytes]:
        """Return the best encoding that an ``Accept-Encoding`` header allows, and the bytes in it."""
        names = {part.split(";", 1)[0].strip() for part in accepted.split(",") if "q=0" not in part.split(";")[1:]}
        if "br" in names:
            return "br", self.br
        return ("gzip", self.gzip) if "gzip" in names else ("", self.identity)


class Bundles:
    """The guard and what it loads, of one site with the notices it has published, in each of its languages."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def make(self) -> None:
        """Make what is otherwise made when it is first asked for; other languages wait for who reads them."""
        first = self._site.languages[0]
        for bundle in (self.guard, *(self.later[name, first] for name, tag in self.later if tag == first)):
            _ = bundle.br, bundle.gzip

    @cached_property
    def guard(self) -> Bundle:
        """The guard, with the site's settings inside."""
        if tells_early(self._site):
            return _bundle(_EAGER + _call((*GUARD, *PARTS["vendors"]), "SETTINGS", self.all_settings))
        return _bundle(_EAGER + _call(GUARD, "SETTINGS", self.settings))

    @cached_property
    def settings(self) -> dict[str, Any]:
        """The guard's settings, with what it needs to find what it loads."""
        return {**guard_settings(self._site), "version": self.version, "languages": spoken(self._site.languages)}

    @cached_property
    def all_settings(self) -> dict[str, Any]:
        """The guard's settings and those of its later parts, as they are once these are there."""
        later = page_settings(self._site)
        return {**self.settings, **later, "gate": {**self.settings["gate"], **later["gate"]}}

    @cached_property
    def version(self) -> str:
        """What the names of all that the guard loads end with: one hash over them all."""
        return hashlib.sha256("".join(each.hash for each in self.later.values()).encode()).hexdigest()[:6]

    @cached_property
    def later(self) -> dict[tuple[str, str], Bundle]:
        """What the guard loads, by the beginning of its name and the language; what has no words is the same in all."""
        return dict(self._later())

    def _later(self) -> Iterable[tuple[tuple[str, str], Bundle]]:
        for tag in self._site.languages:
            spoken_in = words(tag)
            for layer in LAYERS:
                yield (layer, tag), self.layer(layer, tag)
            for part, sources in PARTS.items():
                begin = _EAGER if part == "page" else ""
                yield (f"part.{part}", tag), _bundle(begin + _part(sources, self._part_texts(part, spoken_in)))

    def layer(self, name: str, tag: str) -> Bundle:
        """Return what visitors read in one language: the banner, or the preferences."""
        dress, *own = LAYERS[name]
        files = (dress, *(["age.js"] if asks_age(self._site) else []), *own)
        return _bundle(_call(files, "TEXTS", self._layer(name, words(tag))))

    def _layer(self, name: str, spoken_in: Words) -> dict[str, object]:
        site = self._site
        notice = site.notice
        content = notice.content if notice else notice_content(site)
        texts = banner_texts if name == "banner" else panel_texts
        return {
            **texts(site, content, spoken_in),
            **({"age": age_texts(site, content, spoken_in)} if asks_age(site) else {}),
            "no": notice.no if notice else 0,
            "language": spoken_in.tag,
            "direction": spoken_in.direction,
            "languages": site.languages,
            "names": {tag: own_name(tag) for tag in dict.fromkeys([spoken_in.tag, *_UNNAMED]) if tag in site.languages},
            "look": asdict(site.banner),
        }

    def _part_texts(self, name: str, spoken_in: Words) -> dict[str, object]:
        """What a part has to say: the one for embeds names who would receive what."""
        site, back = self._site, spoken_in.texts["way_back"]
        if name == "page":
            return {
                "back": back,
                "language": spoken_in.tag,
                "settings": page_settings(site),
                "survivors": spoken_in.texts["survivors"],
                "survivors_help": spoken_in.texts["survivors_help"],
                "between": spoken_in.texts["list_between"],
            }
        if name == "markup":
            return {"back": back, "vendors": _vendors(site)}
        return embed_texts(site, spoken_in) if name == "embeds" else {}


def _vendors(site: Site) -> dict[str, list[str]]:
    """Return what the vendor of each tracker is called."""
    return {
        tracker.id: [vendor.id, vendor.name]
        for tracker in site.trackers.values()
        if (vendor := site.vendors.get(tracker.vendor))
    }


def _part(sources: tuple[str, ...], texts: dict[str, object]) -> str:
    """Return a part of the guard: a function that gets the guard's inside, which no other script can have."""
    return f"gatekeeper.push(guard=>{_function(sources, 'guard,TEXTS')}(guard,{_json(texts)}));"


def _call(sources: tuple[str, ...], name: str, value: object) -> str:
    """Return a script: a function around some sources, called with a value."""
    return f"{_function(sources, name)}({_json(value)});"


@lru_cache(maxsize=16)
def _function(sources: tuple[str, ...], parameters: str) -> str:
    """Return some sources as one function, without comments and spaces and with short names."""
    body = "\n".join(assets.static("js", source).read_text("utf-8") for source in sources)
    stripped = rjsmin.jsmin(shorten(f'(function({parameters}){{"use strict";{body}\n}})'))
    assert isinstance(stripped, str)  # noqa: S101  # rjsmin is untyped; text in, text out
    # rjsmin leaves texts as they are; in ours, lines that end so are of styles, where the end of a line means nothing.
    return re.sub(r"(?<=[;{,])\n", "", stripped)


def _json(value: object) -> str:
    # Inside a script "</script" would end an inline copy, and U+2028 ends a line in old engines.
    return msgspec.json.encode(value).decode().replace("</", "<\\/").replace("\u2028", "\\u2028")


@lru_cache(maxsize=1024)
def _bundle(text: str) -> Bundle:
    return Bundle(text.encode())
