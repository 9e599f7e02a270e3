"""Gatekeeper stands between a website's visitors and every tracker.

One pure function, :func:`gatekeeper.core.decisions.decide`, answers every question of the form "may this fire?".
"""

__version__ = "0.1.0"
