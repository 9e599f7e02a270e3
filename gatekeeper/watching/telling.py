"""Telling: alarms become one mail and one post, each is told once when it begins and once when it ends."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from gatekeeper.config import Config
from gatekeeper.core.alarms import words_of
from gatekeeper.core.days import UTC, local_time
from gatekeeper.core.staff import EVERY_SITE
from gatekeeper.store.books import Alarm

from .mail import Undelivered, new_mail, plain, send
from .webhook import post

#: What ended longer ago than this, in seconds, and could not be told since, is told no more.
STALE = 7 * 86_400


def is_untold(alarm: Alarm) -> bool:
    """Tell whether an alarm is still to be told: that it began, or that it has ended."""
    return alarm.told_at is None or (alarm.ended_at is not None and alarm.told_at < alarm.ended_at)


def id_of(alarm: Alarm) -> str:
    """Return what names an alarm's beginning, or its end: the same whenever it is told again."""
    parts = (alarm.site, alarm.kind, alarm.name, str(alarm.since), "ended" if alarm.ended_at else "open")
    return sha256("\n".join(parts).encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Told:
    """What came of telling.

    :param done: those that every way has taken.
    :param troubles: what went wrong, by way.
    """

    done: tuple[Alarm, ...]
    troubles: tuple[str, ...]


class Teller:
    """Tells alarms by the ways that the settings name, and remembers which of them has what already."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._taken: set[tuple[str, str]] = set()
        self._ways = {
            name: tell
            for name, tell, used in (
                ("mail", self._by_mail, config.alerts.by_mail),
                ("webhook", self._by_webhook, bool(config.alerts.webhook)),
            )
            if used
        }

    @property
    def ways(self) -> tuple[str, ...]:
        """The names of the ways; none where nobody is to be told."""
        return tuple(self._ways)

    def tell(self, alarms: Sequence[Alarm], *, now: int) -> Told:
        """Tell alarms, each way what it has not taken yet."""
        troubles = []
        for way, tell in self._ways.items():
            left = [alarm for alarm in alarms if (way, id_of(alarm)) not in self._taken]
            try:
                if left:
                    tell(left, now)
            except Undelivered as error:
                troubles.append(str(error))
            else:
                self._taken.update((way, id_of(alarm)) for alarm in left)
        done = [alarm for alarm in alarms if all((way, id_of(alarm)) in self._taken for way in self._ways)]
        self._taken -= {(way, id_of(alarm)) for alarm in done for way in self._ways}
        return Told(tuple(done), tuple(troubles))

    def _by_mail(self, alarms: Sequence[Alarm], now: int) -> None:
        alerts = self._config.alerts
        assert alerts.mail is not None  # noqa: S101  # or this way would not be there
        id = sha256("\n".join(map(id_of, alarms)).encode()).hexdigest()[:32]
        mail = new_mail(
            sender=alerts.sender,
            to=alerts.to,
            subject=subject(self._config, alarms),
            text=letter(self._config, alarms),
            id=id,
            now=now,
        )
        send(mail, alerts.mail, secret(self._config, alerts.mail.password_file))

    def _by_webhook(self, alarms: Sequence[Alarm], now: int) -> None:
        alerts = self._config.alerts
        post(alerts.webhook, as_json(self._config, alarms), secret(self._config, alerts.secret_file), now=now)


def secret(config: Config, file: str) -> str:
    """Return what a file beside gatekeeper.toml holds: it may be changed while we run.

    :raises Undelivered: it cannot be read.
    """
    if not file:
        return ""
    path = config.path.parent / file
    try:
        return Path(path).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Undelivered(f"the file {path} cannot be read ({type(error).__name__})") from error


# --- words


def subject(config: Config, alarms: Sequence[Alarm]) -> str:
    """Return a mail's subject."""
    if len(alarms) == 1:
        return f"{site_name(config, alarms[0])}: {headline(alarms[0])}"
    names = ", ".join(dict.fromkeys(site_name(config, alarm) for alarm in alarms))
    began = sum(alarm.ended_at is None for alarm in alarms)
    counts = [f"{began} new" if began else "", f"{len(alarms) - began} over" if began < len(alarms) else ""]
    return f"{names}: {len(alarms)} alarms, {' and '.join(filter(None, counts))}"


def headline(alarm: Alarm) -> str:
    """Return an alarm in a few words."""
    title = words_of(alarm.kind).title
    of = f": {plain(alarm.name)}" if alarm.name else ""
    return f"{title}{of}" if alarm.ended_at is None else f"Over: {title[0].lower()}{title[1:]}{of}"


def letter(config: Config, alarms: Iterable[Alarm]) -> str:
    """Return what a mail says."""
    parts = [_paragraph(config, alarm) for alarm in alarms]
    return (
        "\n\n".join([*parts, "Gatekeeper looked at counts and at your own pages. No visitor is in this mail."]) + "\n"
    )


def _paragraph(config: Config, alarm: Alarm) -> str:
    lines = [
        f"{site_name(config, alarm)}: {headline(alarm)}",
        plain(alarm.text),
        f"Since {_when(config, alarm.since, alarm)}.",
    ]
    if alarm.ended_at is None:
        lines.append(f"What to do: {words_of(alarm.kind).to_do}")
    else:
        lines.append(f"It is right again since {_when(config, alarm.ended_at, alarm)}.")
    if link := address(config, alarm):
        lines.append(link)
    return "\n".join(lines)


def address(config: Config, alarm: Alarm) -> str:
    """Return where the dashboard shows an alarm; empty where nobody has said where it is."""
    site = next(iter(config.sites)) if alarm.site == EVERY_SITE else alarm.site
    return f"{config.alerts.dashboard}/dashboard/{site}/alarms" if config.alerts.dashboard else ""


def as_json(config: Config, alarms: Sequence[Alarm]) -> dict[str, Any]:
    """Return what the webhook is told; ``text`` alone says it all, as chat programs show it."""
    lines = [f"{site_name(config, alarm)}: {headline(alarm)}. {plain(alarm.text)}" for alarm in alarms]
    return {"text": "\n".join(lines), "alarms": [_row(config, alarm) for alarm in alarms]}


def _row(config: Config, alarm: Alarm) -> Mapping[str, Any]:
    return {
        "id": id_of(alarm),
        "site": alarm.site,
        "kind": alarm.kind,
        "name": alarm.name,
        "state": "open" if alarm.ended_at is None else "ended",
        "since": alarm.since,
        "ended": alarm.ended_at,
        "text": plain(alarm.text),
        "to_do": words_of(alarm.kind).to_do,
        "address": address(config, alarm),
    }


def site_name(config: Config, alarm: Alarm) -> str:
    """Return the name of an alarm's site."""
    site = config.sites.get(alarm.site)
    return plain(site.name) if site else "All sites"


def _when(config: Config, at: int, alarm: Alarm) -> str:
    site = config.sites.get(alarm.site)
    zone = site.time_zone if site else UTC
    local: datetime = local_time(at, zone)
    return f"{local:%Y-%m-%d %H:%M} ({zone})"
