-- The index. All of it can be computed again from the journal and the recordings, so another version of it is thrown away.

-- How far each file of the journal was read: `last` is the place of the last line that was taken in, and its digest.
CREATE TABLE files (
    name TEXT PRIMARY KEY, length INTEGER NOT NULL, place INTEGER NOT NULL, lines INTEGER NOT NULL,
    last INTEGER NOT NULL, digest TEXT NOT NULL
) STRICT;
CREATE TABLE chains (writer TEXT PRIMARY KEY, seq INTEGER NOT NULL, digest TEXT NOT NULL) STRICT;
CREATE TABLE broken (file TEXT NOT NULL, line INTEGER NOT NULL, why TEXT NOT NULL) STRICT;

-- The events. `family` is the first word of a kind; `text` is the line as it was written.
CREATE TABLE events (
    id INTEGER PRIMARY KEY, family TEXT NOT NULL, at INTEGER NOT NULL, writer TEXT NOT NULL, seq INTEGER NOT NULL,
    text TEXT NOT NULL
) STRICT;
CREATE INDEX events_by_time ON events (at, writer, seq);
CREATE INDEX events_by_family ON events (family, at, writer, seq);

-- For each kind, subject and word (a state, a level, an outcome): how many, and the newest. Pages read this instead of counting.
CREATE TABLE newest (
    kind TEXT NOT NULL, subject TEXT NOT NULL, word TEXT NOT NULL, count INTEGER NOT NULL,
    at INTEGER NOT NULL, writer TEXT NOT NULL, seq INTEGER NOT NULL, text TEXT NOT NULL,
    PRIMARY KEY (kind, subject, word)
) STRICT, WITHOUT ROWID;
CREATE INDEX newest_by_time ON newest (kind, at, writer, seq);
CREATE INDEX newest_by_word ON newest (kind, word, at);
CREATE TABLE totals (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;

-- The recorded runs, and what pages say about many of them at once. One run alone is read from its recording.
CREATE TABLE runs (
    name TEXT PRIMARY KEY, stamp TEXT NOT NULL, began INTEGER NOT NULL, ended INTEGER NOT NULL, command TEXT NOT NULL,
    hash TEXT NOT NULL, result TEXT NOT NULL, total INTEGER NOT NULL, counted TEXT NOT NULL
) STRICT;
CREATE TABLE steps (
    run TEXT NOT NULL, place INTEGER NOT NULL, step TEXT NOT NULL, job TEXT NOT NULL, word TEXT NOT NULL,
    took INTEGER NOT NULL, tries INTEGER NOT NULL, log INTEGER NOT NULL, PRIMARY KEY (run, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX steps_by_step ON steps (step, took);
