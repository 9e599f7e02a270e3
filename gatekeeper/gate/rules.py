"""What becomes of each response of the site: its policy, cookies and caching, as its visitor's choice asks for.

Shared by the middlewares. Nothing here waits for anything: what is known of the site comes in as a value. In doubt the
strictest policy holds, and the page goes out all the same.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import sha256
from typing import cast

from gatekeeper.core.choices import Choice, read_choice
from gatekeeper.core.cookies import is_ours, read_cookie
from gatekeeper.core.decisions import DAY, Visitor
from gatekeeper.core.errors import BadChoice, BadToken
from gatekeeper.core.jar import Jar, removals
from gatekeeper.core.learners import is_learner
from gatekeeper.core.policy import Header, gate_headers, hint_headers, is_tags_only, learn_headers
from gatekeeper.core.signals import read_signals
from gatekeeper.core.sites import Mode, Site, Undeclared
from gatekeeper.core.tokens import SubjectToken, SubjectTokens
from gatekeeper.core.visits import Visit, read_visit

from . import caching
from .lives import limited
from .setting import name_of, removes
from .tags import script_tag, takes_tag

log = logging.getLogger("gatekeeper.gate")

#: ``Sec-Fetch-Dest`` of what has a policy of its own (HTML Standard: documents and workers).
PAGES = {"document", "iframe", "frame", "fencedframe", "embed", "object", "worker", "sharedworker", "serviceworker"}
PAGE_TYPES = {"", "text/html", "application/xhtml+xml", "image/svg+xml", "text/xml", "application/xml"}
#: Stands in tags for the policy of learn mode.
_LEARN_MARK = "00000000"
_REMEMBERED = 4096
_MAX_REPORTED = 100

Environ = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Grants:
    """What one visitor's choice amounts to.

    :param trackers: those that may fire.
    :param policy: the headers of their pages.
    :param mark: a name for that policy, of eight hexadecimal digits.
    :param hints: what their browser is asked for.
    """

    trackers: frozenset[str]
    policy: tuple[Header, ...]
    mark: str
    hints: tuple[Header, ...]


class Known:
    """What is made from one version of a site."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.jar = Jar(site)
        self.read_choice = lru_cache(maxsize=_REMEMBERED)(self._read_choice)
        self.grants = lru_cache(maxsize=_REMEMBERED)(self._grants)
        #: Of whoever has not chosen: also the policy of all that is the same for everyone.
        self.nobody = self._of(Visit(site, Visitor(), None, None, 0))

    def _read_choice(self, value: str) -> Choice | None:
        try:
            return read_choice(value, self.site.notices)
        except BadChoice:
            return None

    def _grants(self, visitor: Visitor, signed: Visitor | None, day: int) -> Grants:
        return self._of(Visit(self.site, visitor, signed, None, day * DAY))

    def _of(self, visit: Visit) -> Grants:
        trackers = frozenset(tracker for tracker in self.site.trackers if visit.decide(tracker))
        enforced = replace(self.site, gate=replace(self.site.gate, tags_only=()))
        policy = tuple(gate_headers(enforced, trackers.__contains__, ""))
        hints = tuple(hint_headers(self.site, trackers.__contains__))
        return Grants(trackers, policy, sha256(repr(policy).encode()).hexdigest()[:8], hints)


@dataclass(frozen=True, slots=True)
class Ruling:
    """What to do with one request and the response to it.

    :param grants: what the visitor allows.
    :param policy: the headers of the page.
    :param common: the headers of what is the same for every visitor.
    :param lifted: whether only declared cookies are held, and no policy is set.
    :param sure: whether the visitor's cookies could be read; where not, none of them is removed.
    :param asks_page: whether the request says that it is for a page.
    :param src: of the guard's script tag; empty where pages bring their own.
    :param learns: whether it is a staff browser in learn mode, from which nothing is held back.
    """

    gate: "Gate"
    known: Known
    grants: Grants
    policy: tuple[Header, ...]
    common: tuple[Header, ...]
    lifted: bool
    sure: bool
    asks_page: bool
    environ: Environ
    path: str
    now: int
    src: str
    learns: bool = False

    def conditions(self) -> Iterator[tuple[str, str]]:
        """Yield the conditions of the request as the site is to see them, by WSGI name; an empty one is left out."""
        if self.lifted or self.environ.get("REQUEST_METHOD") not in {"GET", "HEAD"}:
            return
        tags = self._header("HTTP_IF_NONE_MATCH")
        if tags and tags.strip() != "*":
            yield "HTTP_IF_NONE_MATCH", caching.unmark_tags(tags, self.grants.mark, page=self.asks_page)
        if self.asks_page and "HTTP_IF_MODIFIED_SINCE" in self.environ:
            yield "HTTP_IF_MODIFIED_SINCE", ""

    def apply(self, status: int, headers: Sequence[Header]) -> list[Header]:
        """Return the headers of the response. The site's own policy stays; browsers enforce both."""
        try:
            return self._apply(status, list(headers))
        except Exception:
            log.exception("the gate of site %s failed; the strictest policy holds", self.known.site.id)
            return [*headers, *self.common]

    def _apply(self, status: int, headers: list[Header]) -> list[Header]:
        kept = list(self._kept(headers))
        if not self._is_page(status, headers):
            return [*kept, *self.common]
        kept += [("Set-Cookie", value) for value in self._removals()]
        if self.lifted:
            return kept
        kept += [*self.grants.hints, method_header(self._header("REQUEST_METHOD"))]
        kept = caching.mark_tag(caching.vary(caching.keep_private(kept)), self.grants.mark)
        return [*kept, *self.policy]

    def _is_page(self, status: int, headers: list[Header]) -> bool:
        if self._header("HTTP_SEC_FETCH_DEST") in PAGES or (status == 304 and self.asks_page):
            return True
        kind = next((value for name, value in headers if name.lower() == "content-type"), "")
        return status not in {204, 304} and kind.partition(";")[0].strip().lower() in PAGE_TYPES

    def _kept(self, headers: list[Header]) -> Iterator[Header]:
        """Yield the site's headers without the cookies that may not be set; no other lives longer than it may."""
        for name, value in headers:
            if name.lower() != "set-cookie":
                yield name, value
            elif self._may_set(value) and (left := self._limited(value)) is not None:
                yield name, left

    def _limited(self, set_cookie: str) -> str | None:
        name = name_of(set_cookie)
        days = None if self.learns or is_ours(name) else self.known.jar.days(name)
        if days is None or removes(set_cookie, self.now):
            return set_cookie
        return limited(set_cookie, days, read_cookie(self._header("HTTP_COOKIE"), name) or None, self.now)

    def _may_set(self, set_cookie: str) -> bool:
        name = name_of(set_cookie)
        if self.learns or is_ours(name) or removes(set_cookie, self.now):
            return True
        owners = self.known.jar.owners(name)
        if owners:
            return any(owner in self.grants.trackers for owner in owners)
        if self.lifted or self.known.site.gate.undeclared is Undeclared.KEEP:
            return True
        self.gate.report_undeclared(name)
        return False

    def _removals(self) -> list[str]:
        carried = self._header("HTTP_COOKIE") if self.sure and not self.learns else ""
        denied = self.known.jar.denied(carried, self.grants.trackers.__contains__)
        return removals(denied, self._header("HTTP_HOST"), self.path, secure=self.known.site.secure)

    def takes_tag(self, status: int, headers: list[Header]) -> bool:
        """Tell whether the guard's tag is to be put into the response."""
        return bool(self.src) and takes_tag(status, headers)

    def tag(self, headers: list[Header]) -> bytes:
        """Return the guard's tag for a response."""
        return script_tag(self.src, headers)

    def _header(self, name: str) -> str:
        return cast(str, self.environ.get(name, ""))


class Gate:
    """The gate of one site.

    :param site: returns the site as it is published now; must not wait for anything.
    :param keys: signing keys, as Gatekeeper has them. Without them no grant can be checked, so none counts.
    :param prefix: where Gatekeeper itself answers; what lies below it is left alone.
    :param inject: whether to put the guard's script tag into every page.
    :param clock: seconds since the epoch.
    """

    def __init__(
        self,
        site: Callable[[], Site],
        keys: Sequence[str] = (),
        *,
        prefix: str = "/gk",
        inject: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._site = site
        self._prefix = prefix
        self._inject = inject
        self._clock = clock
        self._subjects = SubjectTokens(keys) if keys else None
        self._keys = tuple(keys)
        self._read_token = lru_cache(maxsize=_REMEMBERED)(self._verify)
        self._known = Known(site())
        self._reported: set[str] = set()

    def rule(self, environ: Environ, path: str) -> Ruling | None:
        """Decide about a request; None where the gate has no business with it.

        :param environ: a WSGI environment, or as much of one as there is.
        :param path: the whole path, decoded.
        """
        if path.startswith(f"{self._prefix}/"):
            return None
        try:
            return self._rule(environ, path)
        except Exception:
            log.exception("the gate of site %s failed; the strictest policy holds", self._known.site.id)
            return self._ruling(environ, path, self._known.nobody, now=0)

    def _rule(self, environ: Environ, path: str) -> Ruling:
        site = self._site()
        known = self._known
        if known.site is not site:
            known = self._known = Known(site)
        now = int(self._clock())
        header = cast(str, environ.get("HTTP_COOKIE", ""))
        visit = read_visit(site, header, read_signals(environ), known.read_choice, self._read_token, now=now)
        ruling = self._ruling(environ, path, known.grants(visit.visitor, visit.signed, now // DAY), now=now)
        learns = is_learner(self._keys, site, header, now=now)
        return self._learning(ruling) if learns else ruling

    def _ruling(self, environ: Environ, path: str, grants: Grants, *, now: int) -> Ruling:
        known = self._known
        site = known.site
        lifted = site.gate.mode is Mode.OFF or is_tags_only(site.gate, path)
        return Ruling(
            gate=self,
            known=known,
            grants=grants,
            policy=grants.policy,
            common=() if lifted else known.nobody.policy,
            lifted=lifted,
            sure=now > 0,
            asks_page=_asks_page(environ),
            environ=environ,
            path=path,
            now=now,
            src=f"{self._prefix}/{site.id}/gatekeeper.js" if self._inject else "",
        )

    def _learning(self, ruling: Ruling) -> Ruling:
        site = ruling.known.site
        policy = tuple(learn_headers(site, f"{self._prefix}/{site.id}/reports"))
        return replace(ruling, grants=replace(ruling.grants, mark=_LEARN_MARK), policy=policy, learns=True)

    def _verify(self, value: str) -> SubjectToken | None:
        try:
            return self._subjects.verify(value) if self._subjects else None
        except BadToken:
            return None

    def report_undeclared(self, name: str) -> None:
        """Tell the site's owner, once, of a cookie that was held back because nothing declares it."""
        if name in self._reported or len(self._reported) >= _MAX_REPORTED:
            return
        self._reported.add(name)
        log.warning(
            "the cookie %.80r was not set: no tracker of site %s declares it. If the site needs it, declare it in "
            'gatekeeper.toml under a tracker of purpose "necessary" (docs/gate.md)',
            name,
            self._known.site.id,
        )


def method_header(method: str) -> Header:
    """Return the header that tells the guard how a page was asked for.

    A script cannot see it otherwise, and to load a page again that answers a POST would send the form twice.

    :param method: of the request, or what a web server writes in its place.
    """
    return "Server-Timing", f'gk;desc="{method}"'


def _asks_page(environ: Environ) -> bool:
    destination = environ.get("HTTP_SEC_FETCH_DEST")
    if destination:
        return destination in PAGES
    return "text/html" in cast(str, environ.get("HTTP_ACCEPT", "text/html"))
