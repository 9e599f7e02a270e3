"""Values and rules. No Flask, no database, no clock, no environment, no randomness: they come in as arguments.

``tests/test_layers.py`` enforces this by walking the imports.
"""
