"""The gate at the site's own server: every response leaves with the policy that its visitor's choice allows.

Middleware for Python sites (:class:`GateWSGI`, :class:`GateASGI`), and static configuration for web servers
(:mod:`gatekeeper.gate.snippets`). Both make the headers with :mod:`gatekeeper.core.policy`.
"""

from .asgi import GateASGI
from .rules import Gate
from .wsgi import GateWSGI

__all__ = ["Gate", "GateASGI", "GateWSGI"]
