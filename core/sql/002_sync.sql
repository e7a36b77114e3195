-- Version 2: what devices that exchange work must keep.

-- A forked issuer has two records of one number, and both are held.
CREATE TABLE domain_record (
    -- Signed records of the domain and of its network secrets, each after what it needs.
    id INTEGER PRIMARY KEY,
    bytes BLOB NOT NULL, -- record and signature
    received_at INTEGER NOT NULL -- unix milliseconds, this device's clock
) STRICT;
INSERT INTO domain_record (id, bytes, received_at) SELECT id, bytes, received_at FROM authority_record;
DROP TABLE authority_record;

CREATE TABLE case_record (
    -- Signed records of cases and their scopes, each after what it needs. A removed case takes them along.
    id INTEGER PRIMARY KEY,
    case_id BLOB NOT NULL REFERENCES founding (case_id),
    scope INTEGER REFERENCES scope (id), -- nothing in the case's own log
    bytes BLOB NOT NULL, -- record and signature
    received_at INTEGER NOT NULL -- unix milliseconds, this device's clock
) STRICT;
CREATE INDEX case_record_by_case ON case_record (case_id);
CREATE INDEX case_record_by_scope ON case_record (scope) WHERE scope IS NOT NULL;

CREATE TABLE former_certificate (
    -- Certificates of a domain that this store left: old signatures are checked with them, and they count for nothing.
    hash BLOB NOT NULL PRIMARY KEY,
    bytes BLOB NOT NULL
) STRICT;

-- change.state has two more values: 5 author ended, 6 not granted.

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
