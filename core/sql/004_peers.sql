-- Version 4: of which scope a peer was last seen to hold the same.

CREATE TABLE peer_scope (
    -- When a peer was last seen to hold the same of a scope; peer.equal_at, where that is later: of all that both may read.
    peer BLOB NOT NULL,
    scope INTEGER NOT NULL REFERENCES scope (id),
    equal_at INTEGER NOT NULL, -- unix milliseconds, this device's clock
    PRIMARY KEY (peer, scope)
) STRICT;
CREATE INDEX peer_scope_by_scope ON peer_scope (scope);
