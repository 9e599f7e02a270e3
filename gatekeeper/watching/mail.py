"""Mail: sent by the operator's own server, over TLS where it can be."""

import smtplib
import ssl
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from gatekeeper.core.alerts import Mail
from gatekeeper.core.errors import GatekeeperError

#: How long the server may take for each answer, in seconds.
WITHIN = 20.0


class Undelivered(GatekeeperError):
    """Something could not be delivered; the message says why, without what it was."""


def new_mail(*, sender: str, to: tuple[str, ...], subject: str, text: str, id: str, now: int) -> EmailMessage:
    """Return a mail of plain text.

    :param id: the same where the same is told again, so that mailboxes show it once.
    """
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = plain(subject)
    mail["From"] = sender
    mail["To"] = ", ".join(to)
    mail["Date"] = format_datetime(datetime.fromtimestamp(now, UTC))
    mail["Message-ID"] = f"<{id}@{sender.rpartition('@')[2]}>"
    # No answer of an absent colleague is wanted (RFC 3834).
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(text)
    return mail


def plain(text: str) -> str:
    """Return a text on one line, without what is not printed: names come from pages, too."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def send(mail: EmailMessage, server: Mail, password: str) -> None:
    """Send a mail.

    :param password: empty where the server asks for none.
    :raises Undelivered: the server did not take it for anybody.
    """
    try:
        with _connect(server) as connection:
            if server.user:
                connection.login(server.user, password)
            connection.send_message(mail)
    except (OSError, smtplib.SMTPException) as error:
        raise Undelivered(f"mail by {server.host}:{server.port}: {_why(error)}") from error


def _connect(server: Mail) -> smtplib.SMTP:
    if server.scheme == "smtps":
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(server.host, server.port, timeout=WITHIN, context=context)
    connection = smtplib.SMTP(server.host, server.port, timeout=WITHIN)
    try:
        connection.ehlo()
        # On this machine nobody listens between, and a certificate for its name is rare.
        if not is_here(server.host):
            _begin_tls(connection, server)
    except BaseException:
        connection.close()
        raise
    return connection


def _begin_tls(connection: smtplib.SMTP, server: Mail) -> None:
    if connection.has_extn("starttls"):
        connection.starttls(context=ssl.create_default_context())
        connection.ehlo()
    elif server.user:
        raise Undelivered(f"mail by {server.host}:{server.port}: it offers no TLS, so it does not get the password")


def is_here(host: str) -> bool:
    """Tell whether a host is this machine."""
    return host in {"localhost", "::1"} or host.startswith("127.")


def _why(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return f"it refuses all of {len(error.recipients)} recipients"
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error.decode("utf-8", "replace") if isinstance(error.smtp_error, bytes) else error.smtp_error
        return plain(f"it answered {error.smtp_code} {said}")[:200]
    return plain(str(error))[:200] or type(error).__name__
