"""A page of our own that calls a third party in every way a browser knows, and the third party that remembers."""
