"""Make ready what Gatekeeper needs to serve the shop: registry, key, database, notice. What is there is kept."""

import hashlib
import re
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader

from gatekeeper.assets import templates
from gatekeeper.beginning import write_key
from gatekeeper.config import Config, load_config
from gatekeeper.publishing import next_notice, pending
from gatekeeper.store.engines import migrate, open_store

from .state import State

#: The last line of a registry that nobody has edited, with the hash of what stands above.
_UNEDITED = "# as the demo wrote it: "


def prepare(folder: Path, port: int) -> State:
    """Make ready all that Gatekeeper needs to serve the shop; what is there already is kept.

    :raises ConfigError: the registry was edited and has mistakes.
    """
    state = State(folder.resolve())
    state.folder.mkdir(parents=True, exist_ok=True)
    _write_registry(state.registry, port)
    write_key(state.keys)
    config = load_config(state.environment)
    migrate(config.database_url)
    publish(config)
    return state


def publish(config: Config) -> None:
    """Publish the next notice of each site whose registry says something else than its current one."""
    today = datetime.now(UTC).date()
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
