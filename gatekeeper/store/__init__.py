"""What is kept. ``contract`` says what a store promises; the engines keep the promise.

An engine is chosen by the address of its database; see :func:`gatekeeper.store.engines.open_store`.
"""
