"""HTTP: what browsers and servers ask for. ``routes`` is the table; each module answers one kind of request.

A handler has one outline: read the visit, decide, record, respond. Errors pass through it and become a status in
``errors``.
"""
