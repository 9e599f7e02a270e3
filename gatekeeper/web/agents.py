"""Reads user agents, all in one thread.

The regular expressions' engine keeps its working memory anew for each thread that uses it: with 32 threads it held
240 MB, with one it holds 30.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

from gatekeeper.core import agents
from gatekeeper.core.agents import MAX_AGENT, Agent

_REMEMBERED = 8192


def read_agent(text: str) -> Agent:
    """Read a user agent string; see :func:`gatekeeper.core.agents.read_agent`."""
    return _read(text[:MAX_AGENT])


@lru_cache(maxsize=_REMEMBERED)
def _read(text: str) -> Agent:
    return _reader().submit(agents.read_agent, text).result()


@lru_cache(maxsize=1)
def _reader() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="gatekeeper-agents")


# A forked process has none of its parent's threads.
os.register_at_fork(after_in_child=_reader.cache_clear)
