//! A store's own rows, read beside it: what no screen shows.

use std::collections::{BTreeMap, BTreeSet};

use caseplan_core::document::chunk::{Limits, hash_of, read_change};
use caseplan_core::document::layout::Kind;
use caseplan_core::ids::{CaseId, ChangeHash, ContactId, DeviceId, VisitationPlanId};
use rusqlite::{Connection, OpenFlags, Params, params};

use crate::acknowledged::Acknowledged;
use crate::support::Device;

/// A change's hash.
pub type Hash = [u8; 32];
/// What is held, and what became of it.
pub type Held = BTreeMap<Hash, i64>;

/// What became of a change: it is part of its document,
pub const ACCEPTED: i64 = 0;
/// something that it follows on is not,
pub const WAITS: i64 = 1;
/// nobody is known to have written it,
pub const UNKNOWN_AUTHOR: i64 = 2;
/// no grant covers it,
pub const NOT_GRANTED: i64 = 6;
/// or it is of another branch than the one that is part of its document.
pub const FORKED: i64 = 7;

/// That every number of its actor up to a change `c` is here.
const NO_GAP: &str = "((SELECT count(DISTINCT before.seq) FROM change before
    WHERE before.actor = c.actor AND before.seq <= c.seq) = c.seq)";

/// Where a change stands.
pub struct Place {
    pub case: CaseId,
    pub document: Vec<u8>,
}

/// One store's file, open to be read.
pub struct Rows(Connection);

impl Rows {
    pub fn of(device: &Device) -> Self {
        Self(Connection::open_with_flags(device.file(), OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap())
    }

    /// What a peer is taken to hold: case, document, actor, number.
    pub fn held_by(&self, peer: DeviceId) -> Vec<(CaseId, Vec<u8>, Vec<u8>, i64)> {
        let mut statement = self
            .0
            .prepare_cached(
                "SELECT s.case_id, d.document_id, h.actor, h.seq FROM held_elsewhere h
                 JOIN document d ON d.id = h.document JOIN scope s ON s.id = d.scope WHERE h.peer = ?1",
            )
            .unwrap();
        let rows = statement.query_map([peer.as_bytes().as_slice()], |row| {
            let case: Vec<u8> = row.get(0)?;
            Ok((CaseId::from_slice(&case).unwrap(), row.get(1)?, row.get(2)?, row.get(3)?))
        });
        rows.unwrap().map(Result::unwrap).collect()
    }

    /// In how many documents this device is somebody who writes.
    pub fn own_actors(&self) -> u64 {
        self.count("SELECT count(actor) FROM document", [])
    }

    /// Whether something was removed and the log of writes still tells of it.
    pub fn has_to_empty(&self) -> bool {
        self.count("SELECT count(*) FROM setting WHERE name = 'to-empty'", []) > 0
    }

    /// Whether a change is held, by its document, actor and number.
    pub fn holds(&self, document: &[u8], actor: &[u8], seq: i64) -> bool {
        self.count(
            "SELECT count(*) FROM change c JOIN actor a ON a.id = c.actor JOIN document d ON d.id = c.document
             WHERE d.document_id = ?1 AND a.actor = ?2 AND c.seq = ?3",
            params![document, actor, seq],
        ) > 0
    }

    pub fn holds_change(&self, hash: &ChangeHash) -> bool {
        self.count("SELECT count(*) FROM change WHERE hash = ?1", [hash.0.as_slice()]) > 0
    }

    /// What is held of a case's levels without being part of a document: hashes, with the reason's number. What nobody
    /// is known to have written, and what stands above a gap, is not passed on.
    pub fn waiting(&self, case: CaseId) -> Vec<(Vec<u8>, i64)> {
        let mut statement = self
            .0
            .prepare_cached(&format!(
                "SELECT c.hash, c.state FROM change c JOIN document d ON d.id = c.document
                 JOIN scope s ON s.id = d.scope WHERE s.case_id = ?1 AND s.level IS NOT NULL
                 AND {NO_GAP} AND c.state NOT IN (0, 2) ORDER BY c.hash"
            ))
            .unwrap();
        let rows = statement.query_map([case.as_bytes().as_slice()], |row| Ok((row.get(0)?, row.get(1)?)));
        rows.unwrap().map(Result::unwrap).collect()
    }

    /// What is held of a plan's scope without a gap: by hash, the device that wrote it and what became of it.
    pub fn of_plan(&self, plan: VisitationPlanId) -> BTreeMap<Hash, ([u8; 16], i64)> {
        let mut statement = self
            .0
            .prepare_cached(&format!(
                "SELECT c.hash, substr(a.actor, 1, 16), c.state FROM change c JOIN actor a ON a.id = c.actor
                 JOIN document d ON d.id = c.document JOIN scope s ON s.id = d.scope WHERE s.plan_id = ?1
                 AND {NO_GAP} AND c.state <> 2"
            ))
            .unwrap();
        let rows = statement
            .query_map([plan.as_bytes().as_slice()], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))));
        rows.unwrap().map(Result::unwrap).collect()
    }

    /// The contacts in the log of a plan.
    pub fn contacts_in(&self, plan: VisitationPlanId) -> BTreeSet<ContactId> {
        let mut statement = self
            .0
            .prepare_cached(
                "SELECT r.contact_id FROM contact_row r JOIN document d ON d.id = r.document
                 JOIN scope s ON s.id = d.scope WHERE s.plan_id = ?1",
            )
            .unwrap();
        let rows = statement.query_map([plan.as_bytes().as_slice()], |row| row.get::<_, Vec<u8>>(0));
        rows.unwrap().map(|id| ContactId::from_slice(&id.unwrap()).unwrap()).collect()
    }

    /// What a device wrote itself.
    pub fn own(&self, device: &Device, by: usize) -> Vec<Acknowledged> {
        let mut statement = self
            .0
            .prepare_cached(
                "SELECT c.hash, s.case_id, s.plan_id, d.document_id, c.time, c.code
                 FROM change c JOIN actor a ON a.id = c.actor JOIN document d ON d.id = c.document
                 JOIN scope s ON s.id = d.scope WHERE substr(a.actor, 1, 16) = ?1",
            )
            .unwrap();
        let author = device.store.identity().device();
        let rows = statement.query_map([author.as_bytes().as_slice()], |row| {
            let plan: Option<Vec<u8>> = row.get(2)?;
            Ok(Acknowledged {
                hash: row.get(0)?,
                case: CaseId::from_slice(&row.get::<_, Vec<u8>>(1)?).unwrap(),
                plan: plan.map(|plan| VisitationPlanId::from_slice(&plan).unwrap()),
                document: row.get(3)?,
                saying: (row.get(4)?, row.get(5)?),
                by,
            })
        });
        rows.unwrap().map(Result::unwrap).collect()
    }

    /// Every change that is held, and what became of it.
    pub fn hashes(&self) -> Held {
        let mut statement = self.0.prepare_cached("SELECT hash, state FROM change").unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
        rows.unwrap().map(Result::unwrap).collect()
    }

    /// The changes that lost a fork here.
    pub fn lost_branches(&self) -> BTreeSet<Hash> {
        let mut statement =
            self.0.prepare_cached("SELECT bytes FROM evidence WHERE reason = 'forked'").unwrap();
        let rows = statement.query_map([], |row| row.get::<_, Vec<u8>>(0));
        rows.unwrap().map(|chunk| hash_of(&chunk.unwrap()).unwrap()).collect()
    }

    /// What a change follows on that is held without being part of its document.
    pub fn follows_on(&self, hash: &Hash) -> Vec<Hash> {
        let mut statement =
            self.0.prepare_cached("SELECT bytes FROM change WHERE hash = ?1 AND state <> 0").unwrap();
        let stored: Vec<u8> = statement.query_row([hash.as_slice()], |row| row.get(0)).unwrap();
        // After the byte that tells the format.
        let change = read_change(&stored[1..], &Limits::DEFAULT).unwrap();
        let begins = |hash: &ChangeHash| Kind::ALL.iter().any(|kind| kind.genesis_hash() == *hash);
        change.deps.into_iter().filter(|hash| !begins(hash)).map(|hash| hash.0).collect()
    }

    /// The documents of which something is held.
    pub fn documents(&self) -> BTreeSet<Vec<u8>> {
        let mut statement = self
            .0
            .prepare_cached("SELECT document_id FROM document WHERE id IN (SELECT document FROM change)")
            .unwrap();
        let rows = statement.query_map([], |row| row.get(0));
        rows.unwrap().map(Result::unwrap).collect()
    }

    /// Where every change stands that is held and that somebody is known to have written.
    pub fn places(&self) -> BTreeMap<Hash, Place> {
        let mut statement = self
            .0
            .prepare_cached(
                "SELECT c.hash, s.case_id, d.document_id FROM change c
                 JOIN document d ON d.id = c.document JOIN scope s ON s.id = d.scope WHERE c.state <> 2",
            )
            .unwrap();
        let rows = statement.query_map([], |row| {
            let case = CaseId::from_slice(&row.get::<_, Vec<u8>>(1)?).unwrap();
            Ok((row.get(0)?, Place { case, document: row.get(2)? }))
        });
        rows.unwrap().map(Result::unwrap).collect()
    }

    /// Whether some change that is part of a document says what another said.
    pub fn says(&self, document: &[u8], (time, code): &(i64, String)) -> bool {
        self.count(
            "SELECT count(*) FROM change c JOIN document d ON d.id = c.document
             WHERE d.document_id = ?1 AND c.time = ?2 AND c.code = ?3 AND c.state = 0",
            params![document, time, code],
        ) > 0
    }

    /// How many changes of a case wait because their author was ended, though all that they follow on is here.
    pub fn refused_without_a_gap(&self, case: CaseId) -> u64 {
        self.count(
            "SELECT count(*) FROM change c JOIN document d ON d.id = c.document JOIN scope s ON s.id = d.scope
             WHERE s.case_id = ?1 AND c.state = 5 AND c.seq = (
                SELECT count(DISTINCT before.seq) FROM change before
                WHERE before.actor = c.actor AND before.seq <= c.seq AND before.state <> 2)",
            [case.as_bytes().as_slice()],
        )
    }

    /// Whether something that a device wrote of a case waits for what it follows.
    pub fn waits(&self, case: CaseId, author: DeviceId) -> bool {
        self.count(
            "SELECT count(*) FROM change c JOIN actor a ON a.id = c.actor JOIN document d ON d.id = c.document
             JOIN scope s ON s.id = d.scope
             WHERE s.case_id = ?1 AND substr(a.actor, 1, 16) = ?2 AND c.state = 1",
            [case.as_bytes().as_slice(), author.as_bytes().as_slice()],
        ) > 0
    }

    /// Every change that is held, in words: what a look at two devices that never come to rest begins with.
    pub fn changes(&self) -> BTreeSet<String> {
        let mut statement = self
            .0
            .prepare_cached(
                "SELECT hex(d.document_id), d.kind, hex(a.actor), c.seq, c.state, hex(c.hash), lower(hex(s.case_id))
                 FROM change c JOIN actor a ON a.id = c.actor JOIN document d ON d.id = c.document
                 JOIN scope s ON s.id = d.scope",
            )
            .unwrap();
        let rows = statement.query_map([], |row| {
            let texts: Vec<String> =
                [0, 1, 2, 5, 6].iter().map(|at| row.get(*at)).collect::<Result<_, _>>()?;
            let (seq, state): (i64, i64) = (row.get(3)?, row.get(4)?);
            Ok(format!(
                "{:.8}: {} {:.8}: {} of {}, state {state}, {:.8}",
                texts[4], texts[1], texts[0], seq, texts[2], texts[3]
            ))
        });
        rows.unwrap().map(Result::unwrap).collect()
    }

    /// Which changes are held on one of two devices only, or otherwise.
    pub fn differing(devices: &[Device], one: usize, other: usize) -> Vec<String> {
        let [here, there] = [one, other].map(|at| Self::of(&devices[at]).changes());
        let differ = here.symmetric_difference(&there);
        differ.map(|held| format!("on {}: {held}", if here.contains(held) { one } else { other })).collect()
    }

    /// How many numbers of an actor were given to two changes.
    pub fn forks(&self) -> u64 {
        self.count("SELECT count(*) FROM evidence WHERE reason = 'forked'", [])
            + self.count(
                "SELECT count(*) FROM (SELECT 1 FROM change GROUP BY document, actor, seq HAVING count(*) > 1)",
                [],
            )
    }

    /// Scopes of a case of which some document is held.
    pub fn scopes(&self, case: CaseId) -> u64 {
        self.levels(case) + self.plans(case)
    }

    /// Those of them that are levels of the case itself.
    pub fn levels(&self, case: CaseId) -> u64 {
        self.held_scopes(case, "level")
    }

    /// Those of them that are plans.
    pub fn plans(&self, case: CaseId) -> u64 {
        self.held_scopes(case, "plan_id")
    }

    /// Whether something of a case stands above a missing number of its actor.
    pub fn has_a_gap(&self, case: CaseId) -> bool {
        self.count(
            &format!(
                "SELECT count(*) FROM change c JOIN document d ON d.id = c.document
                 JOIN scope s ON s.id = d.scope WHERE s.case_id = ?1 AND NOT {NO_GAP}"
            ),
            [case.as_bytes().as_slice()],
        ) > 0
    }

    /// Whether a level of a case was ever here: that there was one stays known.
    pub fn was_here(&self, case: CaseId) -> bool {
        self.count(
            "SELECT count(*) FROM scope WHERE case_id = ?1 AND level IS NOT NULL",
            [case.as_bytes().as_slice()],
        ) > 0
    }

    fn held_scopes(&self, case: CaseId, which: &str) -> u64 {
        self.count(
            &format!(
                "SELECT count(*) FROM scope s WHERE s.case_id = ?1 AND s.{which} IS NOT NULL
                 AND EXISTS (SELECT 1 FROM document d JOIN change c ON c.document = d.id WHERE d.scope = s.id)"
            ),
            [case.as_bytes().as_slice()],
        )
    }

    fn count(&self, sql: &str, of: impl Params) -> u64 {
        let count: i64 = self.0.prepare_cached(sql).unwrap().query_row(of, |row| row.get(0)).unwrap();
        count.unsigned_abs()
    }
}
