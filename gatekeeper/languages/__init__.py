"""The languages that visitors can read: a PO file for each beside this file, English in ``english.py``."""

from .catalogue import Words, own_name, words

__all__ = ["Words", "own_name", "words"]
