-- Version 3: whom this device met, and when.

CREATE TABLE peer (
    -- Devices that this one has had a session with.
    device BLOB NOT NULL PRIMARY KEY,
    met_at INTEGER NOT NULL, -- when a session last began, unix milliseconds
    equal_at INTEGER -- when both were last seen to hold the same of what both may read, unix milliseconds
) STRICT;

CREATE TABLE invitation (
    -- What became of invitations and of typed codes, so that cutting the power buys nobody another try.
    id BLOB NOT NULL PRIMARY KEY, -- the invitation's id; the hash of a code on the newcomer's side
    tries INTEGER NOT NULL,
    device BLOB, -- who used it up
    begun_at INTEGER NOT NULL -- unix milliseconds
) STRICT;
