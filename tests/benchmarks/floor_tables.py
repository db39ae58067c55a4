"""The tables of the floor: the rows that the bot writes for a link and a click."""

TABLES = """
PRAGMA journal_mode=WAL;
PRAGMA synchronous=FULL;
CREATE TABLE ties (channel TEXT, thread TEXT, case_id TEXT, PRIMARY KEY (channel, thread));
CREATE TABLE cases (id TEXT PRIMARY KEY, key TEXT, title TEXT, on_case TEXT, read_at REAL);
CREATE TABLE sightings (channel TEXT, message TEXT, thread TEXT, poster TEXT, resource TEXT, ref TEXT, state TEXT,
  at REAL, PRIMARY KEY (channel, message, resource));
CREATE TABLE insights (id INTEGER PRIMARY KEY, case_id TEXT, resource TEXT, ref TEXT, state TEXT, by TEXT, at REAL,
  confirmed_at REAL, sent_at REAL, UNIQUE (case_id, resource));
CREATE TABLE transitions (insight INTEGER, at REAL, old TEXT, new TEXT, by TEXT);
CREATE TABLE cards (id TEXT PRIMARY KEY, channel TEXT, thread TEXT, case_id TEXT, ts TEXT, version INTEGER,
  shown INTEGER, posting_since REAL);
CREATE TABLE card_insights (card TEXT, insight INTEGER, PRIMARY KEY (card, insight));
CREATE TABLE jobs (card TEXT PRIMARY KEY, kind TEXT, lease REAL);
"""
