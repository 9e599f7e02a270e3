"""The tables: one set for every engine. No sequences; what is about a subject has a key that begins (site, subject).

Ids are raw bytes, times are seconds since the epoch, days are ISO dates in the time zone of the site. The migrations
create exactly these tables; a test compares them.
"""

from typing import Any

from sqlalchemy import (
    DDL,
    BigInteger,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    event,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

#: Kept for good: what visitors were told. ``content`` is canonical JSON, so its SHA-256 is ``hash``.
notices = Table(
    "notices",
    metadata,
    Column("site", Text, nullable=False),
    Column("no", Integer, nullable=False),
    Column("hash", Text, nullable=False),
    Column("content", Text, nullable=False),
    Column("published_day", Text, nullable=False),
    PrimaryKeyConstraint("site", "no"),
    sqlite_with_rowid=False,
)

#: Sites whose policy is lifted while something is being mended.
lifted = Table(
    "lifted",
    metadata,
    Column("site", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    PrimaryKeyConstraint("site"),
    sqlite_with_rowid=False,
)

#: Consenting visitors. ``key`` seals a subject's events; erasing the subject sets it to NULL.
subjects = Table(
    "subjects",
    metadata,
    Column("site", Text, nullable=False),
    Column("subject", LargeBinary, nullable=False),
    Column("key", LargeBinary),
    PrimaryKeyConstraint("site", "subject"),
    sqlite_with_rowid=False,
    # A row that is changed leaves its old self behind, key and all, until the next vacuum: one is enough for that.
    postgresql_with={"autovacuum_vacuum_threshold": 0, "autovacuum_vacuum_scale_factor": 0},
)

#: The proof of every grant; a column for each field of :class:`~gatekeeper.store.contract.ConsentRecord`.
records = Table(
    "records",
    metadata,
    Column("site", Text, nullable=False),
    Column("subject", LargeBinary, nullable=False),
    Column("record", LargeBinary, nullable=False),
    Column("receipt", LargeBinary, nullable=False),
    Column("notice", Integer, nullable=False),
    Column("choice", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("ended_as", Text, nullable=False),
    PrimaryKeyConstraint("site", "subject", "record"),
    ForeignKeyConstraint(["site", "subject"], ["subjects.site", "subjects.subject"]),
    Index(None, "site", "receipt", unique=True),
    sqlite_with_rowid=False,
)

#: Subjects for whom nothing is appended any more: withdrawn, restricted, objecting or erased.
blocked = Table(
    "blocked",
    metadata,
    Column("site", Text, nullable=False),
    Column("subject", LargeBinary, nullable=False),
    Column("status", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    PrimaryKeyConstraint("site", "subject"),
    ForeignKeyConstraint(["site", "subject"], ["subjects.site", "subjects.subject"]),
    sqlite_with_rowid=False,
)

#: Records in whose place their subjects have given another: what they permitted is not appended any more. Few, unlike
#: the records themselves, so that asking them for every event is cheap.
replaced = Table(
    "replaced",
    metadata,
    Column("site", Text, nullable=False),
    Column("subject", LargeBinary, nullable=False),
    Column("record", LargeBinary, nullable=False),
    PrimaryKeyConstraint("site", "subject", "record"),
    ForeignKeyConstraint(["site", "subject"], ["subjects.site", "subjects.subject"]),
    sqlite_with_rowid=False,
)

#: Events in the order they arrived; ``body`` is sealed. The one index recognises a repeat.
fresh_events = Table(
    "fresh_events",
    metadata,
    Column("site", Text, nullable=False),
    Column("subject", LargeBinary, nullable=False),
    Column("event", LargeBinary, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("tracker", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index(None, "site", "subject", "event", unique=True),
)

#: Events that have been settled: counted, and in the order of their subjects. The key recognises a repeat for good;
#: the index is the purge's, which looks for what is old.
events = Table(
    "events",
    metadata,
    Column("site", Text, nullable=False),
    Column("subject", LargeBinary, nullable=False),
    Column("event", LargeBinary, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("tracker", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    PrimaryKeyConstraint("site", "subject", "event"),
    Index(None, "site", "at"),
    sqlite_with_rowid=False,
)

#: What is remembered of subjects to know their next visit; ``body`` is sealed. ``at`` is when they were last here.
visitors = Table(
    "visitors",
    metadata,
    Column("site", Text, nullable=False),
    Column("subject", LargeBinary, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    PrimaryKeyConstraint("site", "subject"),
    sqlite_with_rowid=False,
)

#: How many numbers of a series have been given out: see :class:`~gatekeeper.core.rollups.Register`.
numbers = Table(
    "numbers",
    metadata,
    Column("site", Text, nullable=False),
    Column("series", Text, nullable=False),
    Column("n", BigInteger, nullable=False),
    PrimaryKeyConstraint("site", "series"),
    sqlite_with_rowid=False,
)


def _rollups(name: str, *key: str) -> Table:
    # ``what`` to ``currency`` are a :class:`~gatekeeper.core.rollups.Count`. What panels read lies together.
    return Table(
        name,
        metadata,
        *(Column(part, Integer if part == "bot" else Text, nullable=False) for part in key),
        Column("n", BigInteger, nullable=False),
        Column("value", BigInteger, nullable=False),
        PrimaryKeyConstraint(*key),
        sqlite_with_rowid=False,
    )


_DETAILS = ("name", "page", "outcome", "reason", "currency")
#: Counts of a day, with nobody in them.
rollups = _rollups("rollups", "site", "what", "bot", "day", *_DETAILS)
#: The same of a month, so that years are read as quickly as weeks. The months of a name lie together, so that they are
#: added up as they are read: sorting them first takes longer than all else.
monthly_rollups = _rollups("monthly_rollups", "site", "what", "bot", *_DETAILS, "month")

#: What the counts of a day come to together.
daily_sums = Table(
    "daily_sums",
    metadata,
    Column("site", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("bot", Integer, nullable=False),
    Column("day", Text, nullable=False),
    Column("n", BigInteger, nullable=False),
    Column("value", BigInteger, nullable=False),
    PrimaryKeyConstraint("site", "what", "bot", "day"),
    sqlite_with_rowid=False,
)

#: Which values of a facet were told apart on a day, as a JSON list in the order in which they came, and which of them
#: each visit has: a row for each chunk of :mod:`gatekeeper.core.columns`, in which 1 stands for the list's first.
facet_names = Table(
    "facet_names",
    metadata,
    Column("site", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("bot", Integer, nullable=False),
    Column("day", Text, nullable=False),
    Column("names", Text, nullable=False),
    PrimaryKeyConstraint("site", "what", "bot", "day"),
    sqlite_with_rowid=False,
)
facet_codes = Table(
    "facet_codes",
    metadata,
    Column("site", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("bot", Integer, nullable=False),
    Column("day", Text, nullable=False),
    Column("chunk", Integer, nullable=False),
    Column("codes", LargeBinary, nullable=False),
    PrimaryKeyConstraint("site", "what", "bot", "day", "chunk"),
    sqlite_with_rowid=False,
)


def _visitor_sets(name: str, span: str) -> Table:
    return Table(
        name,
        metadata,
        Column("site", Text, nullable=False),
        Column("bot", Integer, nullable=False),
        Column(span, Text, nullable=False),
        Column("chunk", Integer, nullable=False),
        Column("bits", LargeBinary, nullable=False),
        PrimaryKeyConstraint("site", "bot", span, "chunk"),
        sqlite_with_rowid=False,
    )


#: The visitors of a day by their numbers, and those of a month: a row for each chunk of
#: :mod:`gatekeeper.core.bitsets`. How many a day had is in its sums.
visitor_sets = _visitor_sets("visitor_sets", "day")
monthly_visitor_sets = _visitor_sets("monthly_visitor_sets", "month")

#: Counts with nobody in them; the key is a :class:`~gatekeeper.store.contract.Total`.
totals = Table(
    "totals",
    metadata,
    Column("site", Text, nullable=False),
    Column("day", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("notice", Integer, nullable=False),
    Column("n", BigInteger, nullable=False),
    PrimaryKeyConstraint("site", "day", "what", "name", "reason", "outcome", "notice"),
    # Charts ask for one kind over a year. SQLite reads the key as quickly as it would an index.
    Index(None, "site", "what", "day").ddl_if(dialect="postgresql"),
    sqlite_with_rowid=False,
)

#: What browsers of the site's staff met; the key is a :class:`~gatekeeper.core.sightings.Sighting`.
sightings = Table(
    "sightings",
    metadata,
    Column("site", Text, nullable=False),
    Column("day", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("n", BigInteger, nullable=False),
    PrimaryKeyConstraint("site", "day", "what", "name", "path"),
    sqlite_with_rowid=False,
)

#: Invitations to learn that have made a browser one of the staff's; kept until they would have run out.
used_invitations = Table(
    "used_invitations",
    metadata,
    Column("site", Text, nullable=False),
    Column("nonce", LargeBinary, nullable=False),
    Column("until", BigInteger, nullable=False),
    PrimaryKeyConstraint("site", "nonce"),
    sqlite_with_rowid=False,
)

#: Who alone does a job that must not be done twice at once, and until when if nothing more is heard.
leases = Table(
    "leases",
    metadata,
    Column("name", Text, nullable=False),
    Column("holder", LargeBinary, nullable=False),
    Column("until", BigInteger, nullable=False),
    PrimaryKeyConstraint("name"),
    sqlite_with_rowid=False,
)

#: Staff; a column for each field of :class:`~gatekeeper.store.books.Account`. Roles and recovery codes are JSON.
staff = Table(
    "staff",
    metadata,
    Column("id", LargeBinary, nullable=False),
    Column("email", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("roles", Text, nullable=False),
    Column("password", Text, nullable=False),
    Column("totp", Text, nullable=False),
    Column("recovery", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("failures", Integer, nullable=False),
    Column("failed_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("id"),
    Index(None, "email", unique=True),
    sqlite_with_rowid=False,
)

#: Browsers of staff that have signed in.
sessions = Table(
    "sessions",
    metadata,
    Column("digest", LargeBinary, nullable=False),
    Column("account", LargeBinary, nullable=False),
    Column("begun_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Column("complete", Integer, nullable=False),
    Column("agent", Text, nullable=False),
    PrimaryKeyConstraint("digest"),
    Index(None, "account"),
    sqlite_with_rowid=False,
)

#: Tokens of programs. Rights and sites are JSON.
api_tokens = Table(
    "api_tokens",
    metadata,
    Column("id", LargeBinary, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("account", LargeBinary, nullable=False),
    Column("name", Text, nullable=False),
    Column("rights", Text, nullable=False),
    Column("sites", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("used_at", BigInteger),
    Column("ended_at", BigInteger),
    PrimaryKeyConstraint("id"),
    Index(None, "digest", unique=True),
    Index(None, "account"),
    sqlite_with_rowid=False,
)

#: Who of the staff saw or changed what. Only ever added to: the migration makes triggers that refuse all else.
audit = Table(
    "audit",
    metadata,
    Column("id", LargeBinary, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("account", LargeBinary, nullable=False),
    Column("who", Text, nullable=False),
    Column("site", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("about", Text, nullable=False),
    Column("detail", Text, nullable=False),
    PrimaryKeyConstraint("id"),
    Index(None, "at"),
    sqlite_with_rowid=False,
)

_TOLD = "audit is only added to"
_ddl: Any = DDL  # SQLAlchemy leaves it without types
for _statement in (
    f"CREATE TRIGGER audit_refuses_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, '{_TOLD}'); END",
    f"CREATE TRIGGER audit_refuses_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, '{_TOLD}'); END",
):
    event.listen(audit, "after_create", _ddl(_statement).execute_if(dialect="sqlite"))
for _statement in (
    f"CREATE FUNCTION audit_refuses() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '{_TOLD}'; END $$",
    "CREATE TRIGGER audit_refuses BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
    "FOR EACH STATEMENT EXECUTE FUNCTION audit_refuses()",
):
    event.listen(audit, "after_create", _ddl(_statement).execute_if(dialect="postgresql"))

#: What happened on a site, beside which its numbers are read.
marks = Table(
    "marks",
    metadata,
    Column("site", Text, nullable=False),
    Column("day", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    PrimaryKeyConstraint("site", "day", "kind", "name"),
    sqlite_with_rowid=False,
)

#: What is wrong with a site, or was. Times of an alarm are a part of it: the same may come again.
alarms = Table(
    "alarms",
    metadata,
    Column("site", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("text", Text, nullable=False),
    Column("told_at", BigInteger),
    Column("ended_at", BigInteger),
    PrimaryKeyConstraint("site", "kind", "name", "since"),
    sqlite_with_rowid=False,
)

#: What the daily check of a site's own pages found.
live_checks = Table(
    "live_checks",
    metadata,
    Column("site", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("passed", Integer, nullable=False),
    Column("detail", Text, nullable=False),
    PrimaryKeyConstraint("site", "at"),
    sqlite_with_rowid=False,
)

#: Texts of the registry as staff propose them.
drafts = Table(
    "drafts",
    metadata,
    Column("id", LargeBinary, nullable=False),
    Column("site", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("decided_by", Text, nullable=False),
    Column("decided_at", BigInteger),
    PrimaryKeyConstraint("id"),
    Index(None, "site", "at"),
    sqlite_with_rowid=False,
)

#: From which database this one's data were copied; see :mod:`gatekeeper.store.copies`.
copies = Table(
    "copies",
    metadata,
    Column("source", LargeBinary, nullable=False),
    Column("state", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    PrimaryKeyConstraint("source"),
    sqlite_with_rowid=False,
)

#: How far the purge has come, by site and stage: rows before ``through`` have been looked at. Under the site "" and
#: the name "finished", when all of it was last done.
purged = Table(
    "purged",
    metadata,
    Column("site", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("through", BigInteger, nullable=False),
    PrimaryKeyConstraint("site", "what"),
    sqlite_with_rowid=False,
)

#: One row, written to see whether the database takes writes. ``padding`` asks for room after it was full.
heartbeat = Table(
    "heartbeat",
    metadata,
    Column("id", Integer, nullable=False, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("padding", LargeBinary, nullable=False),
    PrimaryKeyConstraint("id"),
)
