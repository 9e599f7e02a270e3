"""Watching: what is wrong with sites, found in their counts and on their pages, and told by mail and webhook."""
