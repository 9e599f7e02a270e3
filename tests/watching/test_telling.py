"""Telling: once when something begins, once when it ends, by a mail server and a web server that are really there."""

import hashlib
import hmac
import json
import ssl
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gatekeeper.config import Config
from gatekeeper.core.alerts import Mail
from gatekeeper.core.sites import Site
from gatekeeper.core.staff import EVERY_SITE
from gatekeeper.store.books import Alarm
from gatekeeper.store.contract import Store
from gatekeeper.watching.mail import Undelivered, new_mail, send
from gatekeeper.watching.telling import STALE, is_untold
from gatekeeper.watching.watch import Watch
from tests.ports import free_port

from .conftest import DAY, NOON, READER, SECRET, SENDER, Hook, Letterbox, slip, without

#: For looks at later days: nothing of them is about purging.
LATER = NOON + 90 * DAY


def look(watch: Watch, sites: dict[str, Site], now: int) -> tuple[str, ...]:
    """Look, keep what changed, and tell; return what went wrong."""
    watch.keep(watch.look(sites, now=now), now=now)
    return watch.tell(now=now).troubles


def open_alarms(store: Store) -> list[Alarm]:
    return [alarm for alarm in store.alarms.alarms("shop", since=0) if alarm.ended_at is None]


def test_what_begins_is_told_once_and_what_ends_once_more(
    config: Config, store: Store, sites: dict[str, Site], letterbox: Letterbox, hook: Hook
) -> None:
    watch = Watch(config, store, began=LATER)
    slip(store)

    for now in (NOON, NOON + 300, NOON + 600):
        assert look(watch, sites, now) == ()

    (mail,) = letterbox.mails
    assert (mail["To"], mail["From"], mail["Subject"]) == (READER, SENDER, "Test Shop: Something slipped through: ads")
    text = mail.get_content()
    assert "Pages reached ads although it was denied: 3 times today" in text
    assert "Since 2026-11-22 12:00 (UTC)." in text
    assert "What to do: Mark its tags" in text
    assert "https://staff.shop.test/dashboard/shop/alarms" in text
    assert len(hook.posts) == 1
    assert len(open_alarms(store)) == 1

    for now in (NOON + 2 * DAY, NOON + 2 * DAY + 300):
        assert look(watch, sites, now) == ()

    assert [mail["Subject"] for mail in letterbox.mails[1:]] == ["Test Shop: Over: something slipped through: ads"]
    assert "It is right again since 2026-11-24 12:00 (UTC)." in letterbox.mails[1].get_content()
    assert [json.loads(body)["alarms"][0]["state"] for _, body in hook.posts] == ["open", "ended"]
    assert open_alarms(store) == []


def test_what_comes_again_is_told_again(
    config: Config, store: Store, sites: dict[str, Site], letterbox: Letterbox
) -> None:
    watch = Watch(config, store, began=LATER)
    for ago, day in ((0, "2026-11-22"), (3, "2026-11-25")):
        slip(store, day=day)
        look(watch, sites, NOON + ago * DAY)
        look(watch, sites, NOON + (ago + 2) * DAY)

    assert [mail["Subject"].split(":")[1].strip() for mail in letterbox.mails] == [
        "Something slipped through",
        "Over",
        "Something slipped through",
        "Over",
    ]


def test_several_are_one_mail(config: Config, store: Store, letterbox: Letterbox, hook: Hook) -> None:
    for name in ("a", "b"):
        store.alarms.raise_alarm(Alarm("shop", "host", name, NOON, f"{name} was seen"))
    store.alarms.raise_alarm(Alarm(EVERY_SITE, "purge", "", NOON, "Overdue."))

    told = Watch(config, store, began=LATER).tell(now=NOON)

    assert len(told.done) == 3
    (mail,) = letterbox.mails
    assert mail["Subject"] == "All sites, Test Shop: 3 alarms, 3 new"
    assert all(word in mail.get_content() for word in ("a was seen", "b was seen", "Overdue.", "All sites:"))
    assert len(json.loads(hook.posts[0][1])["alarms"]) == 3


def test_a_mail_that_was_refused_is_sent_again(
    config: Config, store: Store, sites: dict[str, Site], letterbox: Letterbox, hook: Hook
) -> None:
    watch = Watch(config, store, began=LATER)
    slip(store)
    letterbox.refusing = "451 the disk is full"

    troubles = look(watch, sites, NOON)

    assert troubles == (f"mail by 127.0.0.1:{letterbox.port}: it answered 451 the disk is full",)
    assert open_alarms(store)[0].told_at is None

    letterbox.refusing = ""
    assert look(watch, sites, NOON + 300) == ()
    assert len(letterbox.mails) == 1
    assert len(hook.posts) == 1, "the webhook had it already"
    assert open_alarms(store)[0].told_at == NOON + 300


def test_a_restart_loses_nothing(
    config: Config, opened: Callable[[], Store], sites: dict[str, Site], letterbox: Letterbox, hook: Hook
) -> None:
    first = opened()
    slip(first)
    letterbox.refusing = "451 not now"
    look(Watch(config, first, began=LATER), sites, NOON)
    first.close()

    letterbox.refusing = ""
    second = opened()
    look(Watch(config, second, began=LATER), sites, NOON + 300)
    look(Watch(config, second, began=LATER), sites, NOON + 600)

    assert len(letterbox.mails) == 1
    # The webhook had it before the restart; nobody remembers, but the id is the same.
    assert len({json.loads(body)["alarms"][0]["id"] for _, body in hook.posts}) == 1


def test_what_was_over_before_it_could_be_told_is_told_all_the_same(
    config: Config, store: Store, sites: dict[str, Site], letterbox: Letterbox
) -> None:
    watch = Watch(config, store, began=LATER)
    slip(store)
    letterbox.refusing = "451 not now"
    look(watch, sites, NOON)
    look(watch, sites, NOON + 2 * DAY)
    letterbox.refusing = ""

    look(watch, sites, NOON + 2 * DAY + 300)
    look(watch, sites, NOON + 2 * DAY + 600)

    (mail,) = letterbox.mails
    assert mail["Subject"] == "Test Shop: Over: something slipped through: ads"
    assert "Since 2026-11-22 12:00" in mail.get_content()


def test_what_is_long_over_is_no_news(config: Config, store: Store, letterbox: Letterbox) -> None:
    store.alarms.raise_alarm(Alarm("shop", "host", "a", NOON - 30 * DAY, "x"))
    store.alarms.end_alarm("shop", "host", "a", at=NOON - STALE - 1)

    assert Watch(config, store, began=LATER).tell(now=NOON).done == ()
    assert letterbox.mails == []


#: When it was told, when it ended; whether there is something to tell.
TELLING = [
    (None, None, True),
    (NOON, None, False),
    (None, NOON + 1, True),
    (NOON, NOON + 1, True),
    (NOON + 1, NOON + 1, False),
    (NOON + 2, NOON + 1, False),
]


@pytest.mark.parametrize(("told_at", "ended_at", "untold"), TELLING)
def test_what_is_to_be_told_follows_from_what_is_kept(told_at: int | None, ended_at: int | None, untold: bool) -> None:
    assert is_untold(Alarm("shop", "host", "a", NOON, "x", told_at, ended_at)) is untold


def test_where_nobody_is_named_alarms_are_kept_and_told_to_nobody(
    config: Config, store: Store, sites: dict[str, Site], letterbox: Letterbox, hook: Hook
) -> None:
    watch = Watch(without(config, to=(), webhook=""), store, began=LATER)
    slip(store)

    assert look(watch, sites, NOON) == ()
    assert len(open_alarms(store)) == 1
    assert (letterbox.mails, hook.posts) == ([], [])


def test_a_site_without_traffic_raises_nothing(
    config: Config, store: Store, sites: dict[str, Site], letterbox: Letterbox
) -> None:
    watch = Watch(config, store, began=LATER)

    for hours in range(0, 48, 6):
        assert look(watch, sites, NOON + hours * 3600) == ()

    assert store.alarms.alarms("shop", since=0) == []
    assert letterbox.mails == []


def test_a_purge_that_is_overdue_is_told_once_for_all_sites(
    config: Config, store: Store, sites: dict[str, Site], letterbox: Letterbox
) -> None:
    watch = Watch(config, store, began=NOON)

    look(watch, sites, NOON + 2 * DAY)
    look(watch, sites, NOON + 2 * DAY + 1)
    look(watch, sites, NOON + 3 * DAY)

    (mail,) = letterbox.mails
    assert mail["Subject"] == "All sites: What may be kept no longer is still there"
    assert "gatekeeper purge" in mail.get_content()


# --- the webhook


def test_the_webhooks_signature_is_that_of_its_body(config: Config, store: Store, hook: Hook) -> None:
    store.alarms.raise_alarm(Alarm("shop", "host", "bücher.test", NOON, "x"))

    Watch(config, store, began=LATER).tell(now=NOON)

    ((headers, body),) = hook.posts
    told = dict(part.split("=") for part in headers["x-gatekeeper-signature"].split(","))
    assert told["t"] == str(NOON)
    expected = hmac.new(SECRET.encode(), told["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
    assert hmac.compare_digest(told["sha256"], expected)
    assert headers["content-type"] == "application/json"
    (alarm,) = json.loads(body)["alarms"]
    assert {key: alarm[key] for key in ("site", "kind", "name", "state", "since", "ended", "text")} == {
        "site": "shop",
        "kind": "host",
        "name": "bücher.test",
        "state": "open",
        "since": NOON,
        "ended": None,
        "text": "x",
    }
    assert json.loads(body)["text"] == "Test Shop: A host was seen for the first time: bücher.test. x"


def test_a_webhook_without_a_secret_is_not_signed(config: Config, store: Store, hook: Hook) -> None:
    store.alarms.raise_alarm(Alarm("shop", "host", "a", NOON, "x"))

    Watch(without(config, secret_file=""), store, began=LATER).tell(now=NOON)

    assert "x-gatekeeper-signature" not in hook.posts[0][0]


@pytest.mark.parametrize("status", [301, 302, 307, 400, 404, 500, 503])
def test_only_a_webhook_that_says_yes_has_received_it(
    config: Config, store: Store, hook: Hook, letterbox: Letterbox, status: int
) -> None:
    store.alarms.raise_alarm(Alarm("shop", "host", "a", NOON, "x"))
    watch = Watch(config, store, began=LATER)
    hook.answers = [status]

    first, second = watch.tell(now=NOON), watch.tell(now=NOON + 300)

    assert first.troubles == (f"webhook: it answered {status}",)
    assert (first.done, len(second.done)) == ((), 1)
    assert len(hook.posts) == 2, "no redirect was followed"
    assert len(letterbox.mails) == 1, "mail had it already"


def test_a_webhook_that_is_not_there_is_said(config: Config, store: Store) -> None:
    store.alarms.raise_alarm(Alarm("shop", "host", "a", NOON, "x"))
    gone = without(config, webhook=f"http://127.0.0.1:{free_port()}/", to=())

    (trouble,) = Watch(gone, store, began=LATER).tell(now=NOON).troubles

    assert trouble.startswith("webhook: ")


def test_a_secret_that_is_gone_stops_nothing_else(
    config: Config, store: Store, hook: Hook, letterbox: Letterbox, tmp_path: Path
) -> None:
    store.alarms.raise_alarm(Alarm("shop", "host", "a", NOON, "x"))
    (tmp_path / "webhook.secret").unlink()

    (trouble,) = Watch(config, store, began=LATER).tell(now=NOON).troubles

    assert "webhook.secret cannot be read" in trouble
    assert (hook.posts, len(letterbox.mails)) == ([], 1)


# --- mail


def test_names_from_pages_add_nothing_to_a_mail(config: Config, store: Store, letterbox: Letterbox) -> None:
    name = "evil\r\nBcc: everybody@shop.test\r\n\u202eexe"
    store.alarms.raise_alarm(Alarm("shop", "slipped", name, NOON, f"about {name}"))

    Watch(config, store, began=LATER).tell(now=NOON)

    (mail,) = letterbox.mails
    assert mail["Bcc"] is None
    assert mail["Subject"].strip() == "Test Shop: Something slipped through: evil Bcc: everybody@shop.test exe"
    assert "about evil Bcc: everybody@shop.test exe" in mail.get_content()


def test_the_same_told_again_is_the_same_mail(config: Config, store: Store, letterbox: Letterbox) -> None:
    store.alarms.raise_alarm(Alarm("shop", "host", "a", NOON, "x"))
    for _ in range(2):  # as after a restart
        Watch(config, store, began=LATER).teller.tell(store.alarms.alarms("shop", since=0), now=NOON)

    assert len({mail["Message-ID"] for mail in letterbox.mails}) == 1
    assert letterbox.mails[0]["Auto-Submitted"] == "auto-generated"


def test_a_server_that_is_not_there_is_said() -> None:
    mail = new_mail(sender=SENDER, to=(READER,), subject="x", text="y", id="z", now=NOON)

    with pytest.raises(Undelivered, match="Connection refused"):
        send(mail, Mail("smtp", "127.0.0.1", free_port()), "")


def test_a_password_is_given_to_nobody_in_clear_on_the_network(letterbox: Letterbox) -> None:
    mail = new_mail(sender=SENDER, to=(READER,), subject="x", text="y", id="z", now=NOON)
    server = Mail("smtp", "127.0.0.1", letterbox.port, user="me", password_file="p")

    # aiosmtpd offers no TLS here. By another name, this machine is as any other.
    with pytest.raises(Undelivered, match="no TLS"):
        send(mail, replace(server, host="0.0.0.0"), "the password")

    assert letterbox.mails == []


@pytest.fixture
def sealed_letterbox(tmp_path: Path) -> Iterator[Letterbox]:
    """A mail server that offers TLS, with a certificate that nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
    certificate = builder.not_valid_after(datetime(2100, 1, 1, tzinfo=UTC)).sign(key, hashes.SHA256())
    plain_key = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file = tmp_path / "certificate.pem"
    file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(*plain_key))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)
    box = Letterbox(free_port())
    controller = Controller(box, hostname="127.0.0.1", port=box.port, tls_context=context)
    controller.start()
    yield box
    controller.stop()


def test_a_server_that_cannot_prove_who_it_is_gets_nothing(sealed_letterbox: Letterbox) -> None:
    mail = new_mail(sender=SENDER, to=(READER,), subject="x", text="y", id="z", now=NOON)

    with pytest.raises(Undelivered, match="certificate"):
        send(mail, Mail("smtp", "0.0.0.0", sealed_letterbox.port), "")

    assert sealed_letterbox.mails == []
