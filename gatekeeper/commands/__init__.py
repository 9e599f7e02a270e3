"""The commands, one module for each theme. Each reads the settings, calls one thing, and says what happened and what
comes next.
"""
