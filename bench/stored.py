"""Count what is stored, in the database itself."""

from collections import Counter

from sqlalchemy import create_engine, func, inspect, select
from sqlalchemy import text as sql

from gatekeeper.store import schema


def stored(url: str) -> Counter[str]:
    """Return how many events, records and denied hits a database holds.

    :param url: as in ``GATEKEEPER_DATABASE_URL``.
    """
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1))
    try:
        with engine.connect() as connection:
            tables = set(inspect(engine).get_table_names())
            count = Counter[str]()
            for table in {"fresh_events", "events"} & tables:
                count["events"] += connection.scalar(sql(f"SELECT count(*) FROM {table}")) or 0
            count["records"] = connection.scalar(select(func.count()).select_from(schema.records)) or 0
            hits = select(func.sum(schema.totals.c.n)).where(schema.totals.c.what == "hit")
            count["hits"] = int(connection.scalar(hits) or 0)
    finally:
        engine.dispose()
    return count
