"""Make ready what Gatekeeper needs to serve the shop: registry, key, database, notice. What is there is kept."""

import hashlib
import re
import secrets
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from jinja2 import Environment, FileSystemLoader

from gatekeeper.assets import templates
from gatekeeper.beginning import write_key
from gatekeeper.config import Config, load_config
from gatekeeper.core.staff import EVERY_SITE, Role
from gatekeeper.publishing import next_notice, pending
from gatekeeper.store.books import Account
from gatekeeper.store.engines import migrate, open_store
from gatekeeper.web.dashboard.passwords import keep_password
from gatekeeper.web.ids import random_id

from . import history as past
from .state import OWNER, SITE, State

#: The last line of a registry that nobody has edited, with the hash of what stands above.
_UNEDITED = "# as the demo wrote it: "


def prepare(folder: Path, port: int, *, history: bool = False, say: Callable[[str], None] = lambda text: None) -> State:
    """Make ready all that Gatekeeper needs to serve the shop; what is there already is kept.

    :param history: whether a new shop has been open for some weeks already, for the dashboard to show.
    :param say: told how far that is.
    :raises ConfigError: the registry was edited and has mistakes.
    """
    state = State(folder.resolve())
    state.folder.mkdir(parents=True, exist_ok=True)
    _write_registry(state.registry, port)
    write_key(state.keys)
    config = load_config(state.environment)
    migrate(config.database_url)
    is_new = history and not is_published(config)
    publish(config, days_ago=past.DAYS if is_new else 0)
    with closing(open_store(config.database_url, zones=config.zones)) as store:
        if not store.staff.accounts():
            store.staff.keep(_owner(state))
    if is_new:
        past.live_through(config, say=say)
    return state


def _owner(state: State) -> Account:
    """Return the account of the shop's owner, with a password that is printed when the demo starts."""
    password = secrets.token_urlsafe(12)
    state.password.touch(mode=0o600)
    state.password.write_text(f"{password}\n", "utf-8")
    roles = {EVERY_SITE: Role.OWNER}
    return Account(random_id(), OWNER, "The owner", roles, keep_password(password), created_at=int(time.time()))


def is_published(config: Config) -> bool:
    """Tell whether the shop has published a notice already."""
    with closing(open_store(config.database_url, zones=config.zones)) as store:
        return bool(store.notices(SITE))


def publish(config: Config, *, days_ago: int = 0) -> None:
    """Publish the next notice of each site whose registry says something else than its current one.

    :param days_ago: of which day it is said to be.
    """
    today = datetime.now(UTC).date() - timedelta(days=days_ago)
    with closing(open_store(config.database_url, zones=config.zones)) as store:
        for site in config.sites.values():
            published = store.notices(site.id)
            if pending(site, published):
                store.publish(next_notice(site, published, today=today))


def _write_registry(path: Path, port: int) -> None:
    if not path.exists() or _unedited(path.read_text("utf-8")):
        # Plain text, with a port in it: nothing to escape.
        plain = Environment(loader=FileSystemLoader(templates("demo")), autoescape=False)  # noqa: S701
        text = plain.get_template("gatekeeper.toml").render(port=port)
        path.write_text(f"{text}\n{_UNEDITED}{_fingerprint(text)}\n", "utf-8")
    else:
        path.write_text(_moved(path.read_text("utf-8"), port), "utf-8")


def _unedited(text: str) -> bool:
    body, mark, fingerprint = text.rpartition(f"\n{_UNEDITED}")
    return bool(mark) and fingerprint.strip() == _fingerprint(body)


def _fingerprint(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _moved(text: str, port: int) -> str:
    """Return an edited registry with the ports of this run: the shop's, and the vendors'."""
    shop = re.sub(r"(//(?:127\.0\.0\.1|localhost)):\d+", rf"\g<1>:{port}", text)
    return re.sub(r"(127\.0\.0\.(?:[2-9]|\d\d)):\d+", rf"\g<1>:{port + 2}", shop)
