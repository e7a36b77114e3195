-- Version 3: the bytes of attachments. Which attachment they are of is said in a document.

CREATE TABLE blob (
    -- One row per scope and content, held or still to come.
    id INTEGER PRIMARY KEY,
    scope INTEGER NOT NULL REFERENCES scope (id),
    hash BLOB NOT NULL, -- SHA-256 of the whole
    length INTEGER NOT NULL, -- bytes of the whole
    held INTEGER NOT NULL, -- how many of them are here, from the front
    elsewhere INTEGER NOT NULL DEFAULT 0, -- 1 once a peer has said that it holds all of it
    UNIQUE (scope, hash)
) STRICT;

CREATE TABLE blob_part (
    -- The bytes, in portions without a gap.
    id INTEGER PRIMARY KEY,
    blob INTEGER NOT NULL REFERENCES blob (id),
    offset INTEGER NOT NULL,
    bytes BLOB NOT NULL, -- format byte and portion
    UNIQUE (blob, offset)
) STRICT;

-- change.state has one more value: 7 forked.
