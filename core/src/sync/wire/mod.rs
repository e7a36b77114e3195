//! The messages of a sync session: a type byte and a CBOR array each (`sync.md` §5, §10).
//!
//! Lists of fixed-size entries travel as one byte string, and the bytes of changes are compressed per batch. Nothing
//! is inflated beyond what a batch or a document may hold.

mod batch;
mod entries;

use super::digest::Digest;
use crate::blob::{self, BlobHash};
use crate::exchange::message::{Message, SignedChange};
use crate::exchange::vector::Holding;
use crate::identity::LogVector;
use crate::identity::cbor::{Malformed, Reader, Writer};
use crate::ids::DocumentId;
use crate::sync::proof::MAX_RECORDS;

use batch::{decode_changes, decode_more, decode_snapshot, encode_changes, encode_more, encode_snapshot};
use entries::{
    entries, holding, read_buckets, read_entries, read_holding, read_late, read_list, read_logs,
    read_numbers, read_record_entries, read_vectors, record_entries, write_late, write_list, write_logs,
    write_vectors,
};

/// A batch holds at most so many changes,
pub(crate) const BATCH_CHANGES: usize = 256;
/// and at most so many bytes, but always one change.
pub(crate) const BATCH_BYTES: usize = 128 * 1024;
/// A page of digests holds at most so many.
pub(crate) const PAGE_DIGESTS: usize = 10_000;
/// Scopes fall into at most so many buckets, a power of two.
pub(crate) const MOST_BUCKETS: usize = 4_096;
/// A page of logs holds at most so many.
pub(crate) const PAGE_LOGS: usize = 256;
/// A page of vectors holds at most so many documents,
pub(crate) const PAGE_VECTORS: usize = 64;
/// and actors, but always one document.
pub(crate) const PAGE_ACTORS: usize = 100_000;
/// A document has at most so many operations, and so no more actors.
const MAX_ACTORS: usize = 200_000;

/// An id and what is held under it.
pub(crate) type Entry = ([u8; 16], Digest);
/// A scope with the digests of its documents.
pub(crate) type Listing = ([u8; 16], Vec<Entry>);
/// A scope, a document, and what of it the sender holds, or takes the other side to hold of its own work.
pub(crate) type LateWork = ([u8; 16], [u8; 16], Holding);

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wire {
    /// Who this is: certificates up to the root (the responder's; the initiator's were in the handshake), a signature
    /// over the handshake hash, the clock.
    Hello { chain: Vec<Vec<u8>>, signature: [u8; 64], clock: i64 },
    /// What is held of the domain log, and a digest over the case and scope logs that both are in.
    Authority { vector: LogVector, cases: Digest },
    /// What is held of the case and scope logs that both are in; the last of it.
    Logs(Vec<([u8; 16], LogVector)>),
    /// Some of that: more of it follows.
    SomeLogs(Vec<([u8; 16], LogVector)>),
    /// Authority records that the other side lacks, each after those that it follows; the last of them.
    Records(Vec<Vec<u8>>),
    /// Some of them: more follow.
    SomeRecords(Vec<Vec<u8>>),
    /// The other side may hand over its own work and gets nothing.
    UploadOnly,
    /// The root digest over the scopes that both may read; nothing where none is held.
    Scopes(Option<Digest>),
    /// The root digests are equal.
    Equal,
    /// The digest of each bucket of the scopes that both may read; none where none is held.
    Buckets(Vec<Digest>),
    /// The digests of the documents that are held of the scopes in buckets that differ.
    Documents(Vec<Listing>),
    /// No more `Documents` follow in this round: the buckets that differ.
    Listed(Vec<u16>),
    /// What is held of documents that differ.
    Vectors(Vec<([u8; 16], Holding)>),
    /// Nothing more is asked for in this round.
    Asked,
    /// How much is on its way in this round, as far as is known.
    Coming { documents: u64, changes: u64 },
    /// A scope and its case's founding record, before the first of its documents.
    Founded(Message),
    /// A batch of changes of one document.
    Changes(Message),
    /// A batch of changes of a document of which the other side is known to hold something.
    More { document: DocumentId, changes: Vec<SignedChange> },
    /// A whole document, for somebody who holds nothing of it.
    Snapshot(Message),
    /// A batch has been committed: what is held of its document now.
    Ack { document: [u8; 16], held: Holding },
    /// Everything that the other side lacked has been sent and acknowledged.
    Sent,
    /// Changes that were not taken in, with the reason's code.
    Notice(Vec<([u8; 32], String)>),
    /// Bytes of an attachment from an offset on; from its length on, all of it is held.
    BlobWant { scope: [u8; 16], hash: BlobHash, offset: u64 },
    /// Bytes of an attachment from an offset on; none where there is nothing for the other side.
    BlobPart { scope: [u8; 16], hash: BlobHash, offset: u64, bytes: Vec<u8> },
    /// What the sender holds, or takes the other side to hold, of documents that no round looks at.
    Late(Vec<LateWork>),
    /// An answer: of these documents less is held, or other work of these numbers.
    Lacks(Vec<([u8; 16], Holding)>),
    /// Nothing: the session is alive.
    Alive,
    /// The session is over.
    Bye,
    /// The session failed, for this reason; it may be tried again after so many seconds.
    Failed { reason: String, retry_after: Option<u64> },
}

impl Wire {
    /// Whether its length is hidden: it says something of the domain's size.
    pub fn is_padded(&self) -> bool {
        matches!(self, Self::Hello { .. } | Self::Authority { .. } | Self::Logs(_) | Self::SomeLogs(_))
            || self.are_records()
    }

    /// Whether it carries authority records.
    pub fn are_records(&self) -> bool {
        matches!(self, Self::Records(_) | Self::SomeRecords(_))
    }

    /// Whether it belongs to a round.
    pub fn is_of_a_round(&self) -> bool {
        matches!(
            self,
            Self::Scopes(_) | Self::Equal | Self::Buckets(_) | Self::Documents(_) | Self::Listed(_)
        ) || matches!(self, Self::Vectors(_) | Self::Asked | Self::Coming { .. } | Self::Sent)
    }

    /// What it says before anything is compressed.
    #[cfg(any(test, feature = "testing"))]
    pub fn in_the_clear(&self) -> Vec<u8> {
        match self {
            Self::Founded(message) | Self::Changes(message) | Self::Snapshot(message) => message.encode(),
            Self::More { changes, .. } => changes.iter().flat_map(|change| change.chunk.clone()).collect(),
            other => other.encode().1,
        }
    }

    /// The type byte and the body.
    pub fn encode(&self) -> (u8, Vec<u8>) {
        match self {
            Self::Hello { chain, signature, clock } => {
                let writer = Writer::array(3).nested(chain.len() as u64).all(chain);
                (1, writer.bytes(signature).time(Some(*clock)).done())
            }
            Self::Authority { vector, cases } => {
                (2, Writer::array(2).bytes(&record_entries(vector)).bytes(cases).done())
            }
            Self::Logs(logs) => (3, write_logs(logs)),
            Self::Records(records) => (4, write_list(records)),
            Self::UploadOnly => (5, empty()),
            Self::Scopes(root) => {
                (6, Writer::array(1).bytes(root.as_ref().map_or(&[], |root| root.as_slice())).done())
            }
            Self::Equal => (7, empty()),
            Self::Buckets(digests) => (8, Writer::array(1).bytes(digests.as_flattened()).done()),
            Self::Documents(listings) => {
                let mut writer = Writer::array(listings.len() as u64);
                for (scope, documents) in listings {
                    writer = writer.nested(2).bytes(scope).bytes(&entries(documents));
                }
                (9, writer.done())
            }
            Self::Listed(buckets) => {
                let numbers: Vec<u8> = buckets.iter().flat_map(|bucket| bucket.to_be_bytes()).collect();
                (10, Writer::array(1).bytes(&numbers).done())
            }
            Self::Vectors(vectors) => (11, write_vectors(vectors)),
            Self::Asked => (12, empty()),
            Self::Coming { documents, changes } => {
                (13, Writer::array(2).unsigned(*documents).unsigned(*changes).done())
            }
            Self::Founded(message) => (14, plain(message)),
            Self::Changes(message) => (15, encode_changes(message)),
            Self::Snapshot(message) => (16, encode_snapshot(message)),
            Self::Ack { document, held } => {
                (17, Writer::array(2).bytes(document).bytes(&holding(held)).done())
            }
            Self::Sent => (18, empty()),
            Self::Notice(notices) => {
                let mut writer = Writer::array(notices.len() as u64);
                for (hash, reason) in notices {
                    writer = writer.nested(2).bytes(hash).text(reason);
                }
                (19, writer.done())
            }
            Self::BlobWant { scope, hash, offset } => {
                (20, Writer::array(3).bytes(scope).bytes(hash).unsigned(*offset).done())
            }
            Self::BlobPart { scope, hash, offset, bytes } => {
                (21, Writer::array(4).bytes(scope).bytes(hash).unsigned(*offset).bytes(bytes).done())
            }
            Self::Alive => (22, empty()),
            Self::Bye => (23, empty()),
            Self::Failed { reason, retry_after } => {
                let after = retry_after.map(|seconds| seconds as i64);
                (24, Writer::array(2).text(reason).time(after).done())
            }
            Self::More { document, changes } => (25, encode_more(*document, changes)),
            Self::SomeLogs(logs) => (26, write_logs(logs)),
            Self::SomeRecords(records) => (27, write_list(records)),
            Self::Late(work) => (28, write_late(work)),
            Self::Lacks(vectors) => (29, write_vectors(vectors)),
        }
    }

    /// Reads a message. A type that a newer version sends is nothing.
    pub fn decode(kind: u8, body: &[u8]) -> Result<Option<Self>, Malformed> {
        let wire = match kind {
            1 => {
                let mut reader = Reader::array(body, 3)?;
                let chain = texts(&mut reader, MAX_RECORDS)?;
                let (signature, clock) = (reader.fixed()?, reader.time()?.ok_or(Malformed)?);
                reader.end()?;
                Self::Hello { chain, signature, clock }
            }
            2 => {
                let mut reader = Reader::array(body, 2)?;
                let (vector, cases) = (read_record_entries(reader.bytes()?)?, reader.fixed()?);
                reader.end()?;
                Self::Authority { vector, cases }
            }
            3 => Self::Logs(read_logs(body)?),
            4 => Self::Records(read_list(body)?),
            5 => nothing(body, Self::UploadOnly)?,
            6 => {
                let mut reader = Reader::array(body, 1)?;
                let root = match reader.bytes()? {
                    [] => None,
                    root => Some(root.try_into().map_err(|_| Malformed)?),
                };
                reader.end()?;
                Self::Scopes(root)
            }
            7 => nothing(body, Self::Equal)?,
            8 => {
                let mut reader = Reader::array(body, 1)?;
                let digests = read_buckets(reader.bytes()?)?;
                reader.end()?;
                Self::Buckets(digests)
            }
            9 => {
                let mut left = PAGE_DIGESTS;
                Self::Documents(list(body, PAGE_DIGESTS, |reader| {
                    entries::of(reader, 2)?;
                    let (scope, documents) = (reader.fixed()?, read_entries(reader.bytes()?)?);
                    left = left.checked_sub(documents.len()).ok_or(Malformed)?;
                    Ok((scope, documents))
                })?)
            }
            10 => {
                let mut reader = Reader::array(body, 1)?;
                let buckets = read_numbers(reader.bytes()?)?;
                reader.end()?;
                Self::Listed(buckets)
            }
            11 => Self::Vectors(read_vectors(body)?),
            12 => nothing(body, Self::Asked)?,
            13 => {
                let mut reader = Reader::array(body, 2)?;
                let (documents, changes) = (reader.unsigned()?, reader.unsigned()?);
                reader.end()?;
                Self::Coming { documents, changes }
            }
            14 => Self::Founded(read_plain(3, body)?),
            15 => Self::Changes(decode_changes(body)?),
            16 => Self::Snapshot(decode_snapshot(body)?),
            17 => {
                let mut reader = Reader::array(body, 2)?;
                let (document, held) = (reader.fixed()?, read_holding(reader.bytes()?)?);
                reader.end()?;
                Self::Ack { document, held }
            }
            18 => nothing(body, Self::Sent)?,
            19 => Self::Notice(list(body, PAGE_DIGESTS, |reader| {
                entries::of(reader, 2)?;
                Ok((reader.fixed()?, short(reader.text()?)?))
            })?),
            20 => {
                let mut reader = Reader::array(body, 3)?;
                let (scope, hash, offset) = (reader.fixed()?, reader.fixed()?, reader.unsigned()?);
                reader.end()?;
                Self::BlobWant { scope, hash, offset }
            }
            21 => {
                let mut reader = Reader::array(body, 4)?;
                let (scope, hash, offset) = (reader.fixed()?, reader.fixed()?, reader.unsigned()?);
                let bytes = reader.bytes()?.to_vec();
                reader.end()?;
                if bytes.len() > blob::PORTION {
                    return Err(Malformed);
                }
                Self::BlobPart { scope, hash, offset, bytes }
            }
            22 => nothing(body, Self::Alive)?,
            23 => nothing(body, Self::Bye)?,
            24 => {
                let mut reader = Reader::array(body, 2)?;
                let reason = short(reader.text()?)?;
                let retry_after = reader.time()?.map(i64::unsigned_abs);
                reader.end()?;
                Self::Failed { reason, retry_after }
            }
            25 => {
                let (document, changes) = decode_more(body)?;
                Self::More { document, changes }
            }
            26 => Self::SomeLogs(read_logs(body)?),
            27 => Self::SomeRecords(read_list(body)?),
            28 => Self::Late(read_late(body)?),
            29 => Self::Lacks(read_vectors(body)?),
            _ => return Ok(None),
        };
        Ok(Some(wire))
    }
}

fn empty() -> Vec<u8> {
    Writer::array(0).done()
}

fn nothing(body: &[u8], wire: Wire) -> Result<Wire, Malformed> {
    Reader::array(body, 0)?.end()?;
    Ok(wire)
}

fn short(text: &str) -> Result<String, Malformed> {
    if text.len() <= 64 { Ok(text.to_owned()) } else { Err(Malformed) }
}

fn texts(reader: &mut Reader<'_>, most: u64) -> Result<Vec<Vec<u8>>, Malformed> {
    let count = reader.nested()?;
    if count > most {
        return Err(Malformed);
    }
    (0..count).map(|_| Ok(reader.bytes()?.to_vec())).collect()
}

fn list<T>(
    body: &[u8],
    most: usize,
    mut item: impl FnMut(&mut Reader<'_>) -> Result<T, Malformed>,
) -> Result<Vec<T>, Malformed> {
    let (mut reader, count) = Reader::list(body)?;
    if count > most as u64 {
        return Err(Malformed);
    }
    let items = (0..count).map(|_| item(&mut reader)).collect::<Result<_, _>>()?;
    reader.end()?;
    Ok(items)
}

/// A message of the export as it is, without its length and type.
fn plain(message: &Message) -> Vec<u8> {
    message.encode().split_off(5)
}

fn read_plain(kind: u8, body: &[u8]) -> Result<Message, Malformed> {
    Message::decode(&[&[kind], body].concat())?.ok_or(Malformed)
}

#[cfg(test)]
mod tests;
