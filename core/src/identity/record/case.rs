//! What stands in the logs of cases and scopes, each with its one encoding.

use super::{IssuerId, Last, LogId, RecordHash};
use crate::identity::cbor::{Malformed, Reader, Writer, only};
use crate::ids::{Actor, CaseId, ChangeHash, DocumentId, VisitationPlanId, WorkerId};

/// How far a grant reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Extent {
    /// Every scope up to this sensitivity level, 1 to 5. A visitation plan's scope counts as level 1.
    Level(u8),
    /// One visitation plan's scope.
    Visits(VisitationPlanId),
}

impl Extent {
    /// Whether whoever has this reach has the other too.
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Level(own), Self::Level(other)) => own >= other,
            (Self::Level(_), Self::Visits(_)) => true,
            (Self::Visits(own), Self::Visits(other)) => own == other,
            (Self::Visits(_), Self::Level(_)) => false,
        }
    }
}

/// What a worker may see and write of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The case.
    pub case: CaseId,
    /// The worker.
    pub worker: WorkerId,
    /// How far it reaches.
    pub extent: Extent,
    /// The kinds of documents that may be written, by code, sorted; what is not among them may only be read.
    pub writes: Vec<String>,
    /// Whether the worker may grant on, no more than this.
    pub may_grant: bool,
    /// Nothing is sent after this time, unix seconds; it never decides which changes count.
    pub until: Option<i64>,
}

impl Grant {
    pub(super) fn encode(&self) -> Vec<u8> {
        let writer = Writer::array(6).bytes(self.case.as_bytes()).text(self.worker.as_str()).nested(2);
        let mut writer = match &self.extent {
            Extent::Level(level) => writer.unsigned(1).unsigned((*level).into()),
            Extent::Visits(plan) => writer.unsigned(2).bytes(plan.as_bytes()),
        }
        .nested(self.writes.len() as u64);
        for kind in &self.writes {
            writer = writer.text(kind);
        }
        writer.unsigned(self.may_grant.into()).time(self.until).done()
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::array(bytes, 6)?;
        let case = CaseId::from_slice(reader.bytes()?).map_err(|_| Malformed)?;
        let worker = reader.text()?.parse().map_err(|_| Malformed)?;
        expect(reader.nested()?, 2)?;
        let extent = match reader.unsigned()? {
            1 => match u8::try_from(reader.unsigned()?) {
                Ok(level @ 1..=5) => Extent::Level(level),
                _ => return Err(Malformed),
            },
            2 => Extent::Visits(VisitationPlanId::from_slice(reader.bytes()?).map_err(|_| Malformed)?),
            _ => return Err(Malformed),
        };
        let writes = list(&mut reader, 32, |reader| Ok(reader.text()?.to_owned()))?;
        let may_grant = match reader.unsigned()? {
            0 => false,
            1 => true,
            _ => return Err(Malformed),
        };
        let until = reader.time()?;
        reader.end()?;
        only(Self { case, worker, extent, writes, may_grant, until }, Self::encode, bytes)
    }
}

/// Grants are taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndOfGrant {
    /// Which, sorted.
    pub grants: Vec<RecordHash>,
}

impl EndOfGrant {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::array(1).nested(self.grants.len() as u64);
        for grant in &self.grants {
            writer = writer.bytes(grant);
        }
        writer.done()
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::array(bytes, 1)?;
        let grants = list(&mut reader, 128, Reader::fixed)?;
        reader.end()?;
        only(Self { grants }, Self::encode, bytes)
    }
}

/// What a device held of somebody's work when it learned of an end, in one scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The end of a device, or of a grant, by record hash.
    pub end: RecordHash,
    /// The subject's last record held, per issuer and log, sorted.
    pub records: Vec<(IssuerId, LogId, Last)>,
    /// The subject's highest change held, per document and actor, sorted.
    pub changes: Vec<(DocumentId, Actor, u64)>,
    /// Whether a person decided that these changes stand. Otherwise the device wrote it by itself.
    pub by_person: bool,
}

impl Receipt {
    pub(super) fn encode(&self) -> Vec<u8> {
        let fields = if self.by_person { 4 } else { 3 };
        let mut writer = Writer::array(fields).bytes(&self.end).nested(self.records.len() as u64);
        for (issuer, log, last) in &self.records {
            writer = writer.nested(4).bytes(issuer).bytes(log).unsigned(last.number).bytes(&last.hash);
        }
        writer = writer.nested(self.changes.len() as u64);
        for (document, actor, seq) in &self.changes {
            writer = writer.nested(3).bytes(document.as_bytes()).bytes(&actor.0).unsigned(*seq);
        }
        if self.by_person { writer.unsigned(1).done() } else { writer.done() }
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let (mut reader, by_person) = match Reader::array(bytes, 3) {
            Ok(reader) => (reader, false),
            Err(_) => (Reader::array(bytes, 4)?, true),
        };
        let end = reader.fixed()?;
        let records = list(&mut reader, 128, |reader| {
            expect(reader.nested()?, 4)?;
            let (issuer, log) = (reader.fixed()?, reader.fixed()?);
            Ok((issuer, log, Last { number: reader.unsigned()?, hash: reader.fixed()? }))
        })?;
        let changes = list(&mut reader, 128, |reader| {
            expect(reader.nested()?, 3)?;
            let document = DocumentId::from_slice(reader.bytes()?).map_err(|_| Malformed)?;
            Ok((document, Actor(reader.fixed()?), reader.unsigned()?))
        })?;
        if by_person {
            expect(reader.unsigned()?, 1)?;
        }
        reader.end()?;
        only(Self { end, records, changes, by_person }, Self::encode, bytes)
    }
}

/// Which of two changes with one number is to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForkChoice {
    /// The document.
    pub document: DocumentId,
    /// Whose changes they are.
    pub actor: Actor,
    /// Their number.
    pub seq: u64,
    /// The one to keep.
    pub keep: ChangeHash,
}

impl ForkChoice {
    pub(super) fn encode(&self) -> Vec<u8> {
        Writer::array(4)
            .bytes(self.document.as_bytes())
            .bytes(&self.actor.0)
            .unsigned(self.seq)
            .bytes(&self.keep.0)
            .done()
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::array(bytes, 4)?;
        let document = DocumentId::from_slice(reader.bytes()?).map_err(|_| Malformed)?;
        let (actor, seq, keep) = (Actor(reader.fixed()?), reader.unsigned()?, ChangeHash(reader.fixed()?));
        reader.end()?;
        only(Self { document, actor, seq, keep }, Self::encode, bytes)
    }
}

fn expect(found: u64, wanted: u64) -> Result<(), Malformed> {
    if found == wanted { Ok(()) } else { Err(Malformed) }
}

/// A sorted list without repetitions.
fn list<'a, T: Ord>(
    reader: &mut Reader<'a>,
    most: u64,
    mut read: impl FnMut(&mut Reader<'a>) -> Result<T, Malformed>,
) -> Result<Vec<T>, Malformed> {
    let count = reader.nested()?;
    if count > most {
        return Err(Malformed);
    }
    let items = (0..count).map(|_| read(reader)).collect::<Result<Vec<T>, _>>()?;
    if items.windows(2).all(|pair| pair[0] < pair[1]) { Ok(items) } else { Err(Malformed) }
}
