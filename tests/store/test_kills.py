"""An answered event outlives the process, however it ends."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

from gatekeeper.store.contract import Store

from .things import SITE, check_whole, count, new_record

KILLS = 40
ROOT = Path(__file__).parents[2]


def test_no_answered_event_is_lost_and_none_is_there_twice(url: str, command: Store) -> None:
    record = new_record()
    command.record(record)

    said = subprocess.check_output(
        [sys.executable, "-m", "tests.store.kill", url, record.subject.hex(), str(KILLS)], cwd=ROOT, timeout=60
    )

    acknowledged = {bytes.fromhex(line) for line in said.decode().split()}
    kept = Counter(event.id for event in command.events(SITE, record.subject))
    assert len(acknowledged) > 10 * KILLS, "the kills came under load"
    assert acknowledged - kept.keys() == set()
    assert max(kept.values()) == 1
    command.settle()  # until then a repeat may lie beside what was settled
    assert count(url, "fresh_events") == 0
    assert count(url, "events") == len(kept)
    check_whole(url)
