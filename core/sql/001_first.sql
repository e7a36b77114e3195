-- Version 1 of the database. Documents and records are the truth; every table below the line can be rebuilt.

CREATE TABLE setting (
    -- What this database knows of itself: its device, its worker, its session.
    name TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT;

CREATE TABLE authority_record (
    -- Signed records of the domain, in the order in which they count.
    id INTEGER PRIMARY KEY,
    issuer BLOB NOT NULL,
    number INTEGER NOT NULL,
    bytes BLOB NOT NULL, -- record and signature
    received_at INTEGER NOT NULL, -- unix milliseconds, this device's clock
    UNIQUE (issuer, number)
) STRICT;

CREATE TABLE founding (
    -- Who opened each case.
    case_id BLOB NOT NULL PRIMARY KEY,
    bytes BLOB NOT NULL,
    signature BLOB NOT NULL,
    certificate BLOB NOT NULL -- hash
) STRICT;

CREATE TABLE scope (
    -- The units of access. Either a level or a visitation plan.
    id INTEGER PRIMARY KEY,
    scope_id BLOB NOT NULL UNIQUE,
    case_id BLOB NOT NULL REFERENCES founding (case_id),
    level INTEGER,
    plan_id BLOB,
    CHECK ((level IS NULL) <> (plan_id IS NULL))
) STRICT;
CREATE INDEX scope_by_case ON scope (case_id);

CREATE TABLE document (
    -- One row per document, of known and of newer kinds.
    id INTEGER PRIMARY KEY,
    document_id BLOB NOT NULL UNIQUE,
    scope INTEGER NOT NULL REFERENCES scope (id),
    kind TEXT NOT NULL,
    genesis BLOB NOT NULL,
    name BLOB NOT NULL,
    actor INTEGER -- this device's actor in its present incarnation
) STRICT;
CREATE INDEX document_by_scope ON document (scope);

CREATE TABLE head (
    -- The newest accepted changes of each document.
    document INTEGER NOT NULL REFERENCES document (id),
    hash BLOB NOT NULL,
    PRIMARY KEY (document, hash)
) STRICT;

CREATE TABLE actor (
    -- Who writes: device id and incarnation, one row per document.
    id INTEGER PRIMARY KEY,
    document INTEGER NOT NULL REFERENCES document (id),
    actor BLOB NOT NULL,
    UNIQUE (document, actor)
) STRICT;

CREATE TABLE signer (
    -- Certificates that signatures name, whether they count or not.
    id INTEGER PRIMARY KEY,
    certificate BLOB NOT NULL UNIQUE -- hash
) STRICT;

CREATE TABLE change (
    -- Every change that is held. Its row outlives its bytes, which a snapshot absorbs.
    id INTEGER PRIMARY KEY,
    document INTEGER NOT NULL REFERENCES document (id),
    actor INTEGER NOT NULL REFERENCES actor (id),
    seq INTEGER NOT NULL,
    max_op INTEGER NOT NULL, -- the counter of its last operation: greater than every ancestor's
    hash BLOB NOT NULL,
    signer INTEGER NOT NULL REFERENCES signer (id),
    signature BLOB NOT NULL,
    time INTEGER NOT NULL, -- the writer's clock, unix seconds
    code TEXT NOT NULL, -- operation code, perhaps a command id
    received_at INTEGER NOT NULL, -- unix milliseconds, this device's clock
    state INTEGER NOT NULL DEFAULT 0, -- 0 accepted, 1 waits for ancestors, 2 unknown author, 3 poisoned, 4 newer kind
    bytes BLOB, -- format byte and chunk; nothing once a snapshot holds it
    UNIQUE (document, hash)
) STRICT;
CREATE INDEX change_by_actor ON change (actor, seq);
CREATE INDEX change_pending ON change (document) WHERE bytes IS NOT NULL;
CREATE INDEX change_held ON change (document) WHERE state <> 0;
CREATE INDEX change_by_time ON change (time);

CREATE TABLE snapshot (
    -- A whole document as it was when it was compacted: it holds the bytes of older changes.
    id INTEGER PRIMARY KEY,
    document INTEGER NOT NULL REFERENCES document (id),
    bytes BLOB NOT NULL -- format byte and deflated chunk
) STRICT;
CREATE INDEX snapshot_by_document ON snapshot (document);

CREATE TABLE evidence (
    -- What was refused outright: forged, malformed, over a limit, forked. Capped, never counted, never passed on.
    id INTEGER PRIMARY KEY,
    document_id BLOB,
    hash BLOB NOT NULL UNIQUE, -- of the bytes
    reason TEXT NOT NULL,
    bytes BLOB NOT NULL,
    received_at INTEGER NOT NULL
) STRICT;

CREATE TABLE held_elsewhere (
    -- What a peer was last known to hold: for people, never for correctness.
    peer BLOB NOT NULL,
    document INTEGER NOT NULL REFERENCES document (id),
    actor BLOB NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (peer, document, actor)
) STRICT;
CREATE INDEX held_elsewhere_by_document ON held_elsewhere (document);

CREATE TABLE draft (
    -- Contacts that are being written: this device's only, never exported.
    id INTEGER PRIMARY KEY,
    draft_id BLOB NOT NULL UNIQUE,
    case_id BLOB NOT NULL,
    revision INTEGER NOT NULL,
    body TEXT NOT NULL,
    created_at INTEGER NOT NULL, -- unix milliseconds
    saved_at INTEGER NOT NULL -- unix milliseconds
) STRICT;
CREATE INDEX draft_by_case ON draft (case_id);

-- ------------------------------------------------------------ projections: dropped and rebuilt at will

CREATE TABLE certificate (
    -- Certificates that count, from the authority records.
    hash BLOB NOT NULL PRIMARY KEY,
    device BLOB NOT NULL,
    worker TEXT NOT NULL
) STRICT;

CREATE TABLE case_row (
    -- One row per case whose document is here.
    id INTEGER PRIMARY KEY,
    case_id BLOB NOT NULL UNIQUE,
    reference TEXT NOT NULL,
    primary_name TEXT NOT NULL,
    closed INTEGER NOT NULL,
    worker TEXT,
    detail TEXT NOT NULL -- the case as JSON
) STRICT;
CREATE INDEX case_row_by_reference ON case_row (reference);

CREATE TABLE participant_row (
    -- Names of participants, for lists.
    case_id BLOB NOT NULL,
    participant_id BLOB NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    PRIMARY KEY (case_id, participant_id)
) STRICT;

CREATE TABLE plan_row (
    -- One row per visitation plan whose document is here.
    id INTEGER PRIMARY KEY,
    plan_id BLOB NOT NULL UNIQUE,
    case_id BLOB NOT NULL,
    first_day TEXT NOT NULL, -- when it may begin to have visits
    last_day TEXT, -- when it ends, if that is known
    live INTEGER NOT NULL, -- activated and not canceled
    detail TEXT NOT NULL -- the plan as JSON
) STRICT;
CREATE INDEX plan_row_by_case ON plan_row (case_id);

CREATE TABLE occurrence (
    -- Planned visits of live plans up to the horizon.
    plan INTEGER NOT NULL REFERENCES plan_row (id),
    schedule BLOB NOT NULL,
    day TEXT NOT NULL,
    starts_at INTEGER NOT NULL, -- unix seconds
    PRIMARY KEY (plan, schedule, day)
) STRICT;
CREATE INDEX occurrence_by_start ON occurrence (starts_at);

CREATE TABLE quota (
    -- Plans that say how many visits a period has instead of when they are.
    plan INTEGER NOT NULL PRIMARY KEY REFERENCES plan_row (id),
    schedule BLOB NOT NULL
) STRICT;

CREATE TABLE contact_row (
    -- One row per completed contact.
    id INTEGER PRIMARY KEY,
    contact_id BLOB NOT NULL UNIQUE,
    document INTEGER NOT NULL REFERENCES document (id),
    case_id BLOB NOT NULL,
    kind TEXT NOT NULL,
    outcome TEXT NOT NULL,
    sorts_at INTEGER NOT NULL, -- unix seconds: the start, or noon of the day if the start is unknown
    starts_at INTEGER,
    ends_at INTEGER,
    made_by BLOB NOT NULL, -- hash of the change that recorded it
    in_error INTEGER NOT NULL,
    detail TEXT NOT NULL -- the contact as JSON, without its narrative
) STRICT;
CREATE INDEX contact_row_by_case ON contact_row (case_id, sorts_at);
CREATE INDEX contact_row_by_document ON contact_row (document);

CREATE TABLE contact_text (
    -- Narratives, apart from the rows that lists read.
    contact INTEGER NOT NULL PRIMARY KEY REFERENCES contact_row (id),
    narrative TEXT NOT NULL
) STRICT;

CREATE TABLE contact_plan (
    -- Which plans, and which of their occurrences, a contact stands for.
    contact INTEGER NOT NULL REFERENCES contact_row (id),
    plan_id BLOB NOT NULL,
    schedule BLOB,
    day TEXT,
    sorts_at INTEGER NOT NULL,
    counts INTEGER NOT NULL, -- 1 if it is a visit that counts as done
    PRIMARY KEY (contact, plan_id)
) STRICT;
CREATE INDEX contact_plan_by_plan ON contact_plan (plan_id, sorts_at);
CREATE INDEX contact_plan_by_occurrence ON contact_plan (schedule, day) WHERE schedule IS NOT NULL;

CREATE TABLE contact_party (
    -- Who was expected at or took part in a contact.
    contact INTEGER NOT NULL REFERENCES contact_row (id),
    party TEXT NOT NULL,
    PRIMARY KEY (contact, party)
) STRICT;

CREATE VIRTUAL TABLE contact_search USING fts5 (
    text, content = '', contentless_delete = 1, tokenize = "unicode61 remove_diacritics 2"
);

CREATE TABLE external_row (
    -- What an import brought, by the agency's own ids.
    source TEXT NOT NULL,
    external_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    id BLOB NOT NULL,
    document INTEGER NOT NULL REFERENCES document (id),
    PRIMARY KEY (source, external_id, kind)
) STRICT;
CREATE INDEX external_row_by_document ON external_row (document);

CREATE TABLE conflict_row (
    -- Fields that hold several values.
    document INTEGER NOT NULL REFERENCES document (id),
    path TEXT NOT NULL,
    conflict_id TEXT NOT NULL UNIQUE,
    case_id BLOB NOT NULL,
    detail TEXT NOT NULL, -- the values with operation and change, as JSON
    PRIMARY KEY (document, path)
) STRICT;
CREATE INDEX conflict_row_by_case ON conflict_row (case_id);

CREATE TABLE decision_row (
    -- What people decided about issues.
    document INTEGER NOT NULL REFERENCES document (id),
    issue_id TEXT NOT NULL,
    detail TEXT NOT NULL,
    contested INTEGER NOT NULL,
    PRIMARY KEY (document, issue_id)
) STRICT;
CREATE INDEX decision_row_by_issue ON decision_row (issue_id);

CREATE TABLE issue_row (
    -- Breaches that merging brought together.
    issue_id TEXT NOT NULL PRIMARY KEY,
    code TEXT NOT NULL,
    case_id BLOB NOT NULL,
    first BLOB NOT NULL,
    second BLOB NOT NULL
) STRICT;
CREATE INDEX issue_row_by_case ON issue_row (case_id);
CREATE INDEX issue_row_by_first ON issue_row (first);
CREATE INDEX issue_row_by_second ON issue_row (second);
