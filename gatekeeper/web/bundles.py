"""The scripts of a site, made once: joined, stripped, compressed, and named by the hash of their content."""

import gzip
import hashlib
from base64 import b64encode
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import brotli
import msgspec
import rjsmin

from gatekeeper import assets
from gatekeeper.core.guard import guard_settings, page_settings, tells_early
from gatekeeper.core.sites import Site, notice_content

from .names import shorten
from .strings import EMBED_STRINGS, ENGLISH

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
}


@dataclass(frozen=True, slots=True)
class Bundle:
    """A script, in every encoding it is served in.

    :param hash: the first 16 hex digits of its SHA-256.
    :param integrity: for the ``integrity`` attribute of a script tag.
    """

    hash: str
    integrity: str
    identity: bytes
    br: bytes
    gzip: bytes

    def encoded(self, accepted: str) -> tuple[str, bytes]:
        """Return the best encoding that an ``Accept-Encoding`` header allows, and the bytes in it."""
        names = {part.split(";", 1)[0].strip() for part in accepted.split(",") if "q=0" not in part.split(";")[1:]}
        if "br" in names:
            return "br", self.br
        return ("gzip", self.gzip) if "gzip" in names else ("", self.identity)


class Bundles:
    """The guard and the banner of one site, with the notices it has published."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def make(self) -> None:
        """Make all that is otherwise made when it is first asked for."""
        _ = self.guard, self.later

    @cached_property
    def guard(self) -> Bundle:
        """The guard, with the site's settings inside."""
        if tells_early(self._site):
            return _bundle(_call((*GUARD, *PARTS["vendors"]), "SETTINGS", self.all_settings))
        return _bundle(_call(GUARD, "SETTINGS", self.settings))

    @cached_property
    def settings(self) -> dict[str, Any]:
        """The guard's settings, with what it needs to find the banner and its own parts."""
        return {**guard_settings(self._site), "version": self.version, "languages": self.languages}

    @cached_property
    def all_settings(self) -> dict[str, Any]:
        """The guard's settings and those of its later parts, as they are once these are there."""
        later = page_settings(self._site)
        return {**self.settings, **later, "gate": {**self.settings["gate"], **later["gate"]}}

    @property
    def languages(self) -> list[str]:
        """The languages of the banner; the first is the one for pages in any other: the site's, where it is there."""
        return sorted(self.banners, key=lambda language: language != self._site.language)

    @cached_property
    def version(self) -> str:
        """What the names of the banner and of the parts end with: one hash over them all."""
        return hashlib.sha256("".join(each.hash for each in self.later.values()).encode()).hexdigest()[:8]

    @cached_property
    def later(self) -> dict[str, Bundle]:
        """What the guard loads, by the beginning of its name."""
        banners = {f"banner.{language}": bundle for language, bundle in self.banners.items()}
        return {**banners, **{f"part.{name}": bundle for name, bundle in self.parts.items()}}

    @cached_property
    def parts(self) -> dict[str, Bundle]:
        """What the guard loads when it is needed, by name."""
        return {name: _bundle(_part(files, self._part_texts(name))) for name, files in PARTS.items()}

    @cached_property
    def banners(self) -> dict[str, Bundle]:
        """The banner, by language."""
        return {ENGLISH["language"]: _bundle(_call(("banner.js",), "TEXTS", self._texts()))}

    def _part_texts(self, name: str) -> dict[str, object]:
        """What a part has to say: the one for embeds names who would receive what."""
        if name == "page":
            return {"back": ENGLISH["way_back"], "settings": page_settings(self._site)}
        site = self._site
        if name == "markup":
            return {"back": ENGLISH["way_back"], "vendors": _vendors(site)}
        if name != "embeds":
            return {}
        return {
            "language": ENGLISH["language"],
            "direction": ENGLISH["direction"],
            "strings": {key: ENGLISH[key] for key in EMBED_STRINGS},
            "trackers": {
                tracker.id: {
                    "name": site.vendors[tracker.vendor].name,
                    "country": site.vendors[tracker.vendor].country,
                    "purpose": site.purposes[tracker.purpose].title,
                }
                for tracker in site.trackers.values()
                if tracker.hosts
            },
        }

    def _texts(self) -> dict[str, object]:
        notice = self._site.notice
        content = notice.content if notice else notice_content(self._site)
        # What the log holds stands in the notice, which the banner links to.
        shown = {key: value for key, value in content.items() if key != "log"}
        return {
            "language": ENGLISH["language"],
            "direction": ENGLISH["direction"],
            "strings": ENGLISH,
            "notice": {**shown, "no": notice.no if notice else 0},
        }


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
    return stripped


def _json(value: object) -> str:
    # Inside a script "</script" would end an inline copy, and U+2028 ends a line in old engines.
    return msgspec.json.encode(value).decode().replace("</", "<\\/").replace("\u2028", "\\u2028")


@lru_cache(maxsize=64)
def _bundle(text: str) -> Bundle:
    data = text.encode()
    return Bundle(
        hash=hashlib.sha256(data).hexdigest()[:16],
        integrity=f"sha384-{b64encode(hashlib.sha384(data).digest()).decode()}",
        identity=data,
        br=brotli.compress(data, quality=11),
        gzip=gzip.compress(data, 9, mtime=0),
    )
