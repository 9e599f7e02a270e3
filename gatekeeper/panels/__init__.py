"""Panels of the dashboard: each is made of what the store has counted, and is written as a chart, a file or a page."""
