-- Version 3: whom this device met, and when.

CREATE TABLE peer (
    -- Devices that this one has had a session with.
    device BLOB NOT NULL PRIMARY KEY,
    met_at INTEGER NOT NULL, -- when a session last began, unix milliseconds
    equal_at INTEGER -- when both were last seen to hold the same of what both may read, unix milliseconds
) STRICT;
