//! The messages of a sync session: a type byte and a CBOR array each (`sync.md` §5, §10).
//!
//! Lists of fixed-size entries travel as one byte string, and the bytes of changes are compressed per batch. Nothing
//! is inflated beyond what a batch or a document may hold.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;

use super::digest::Digest;
use crate::document::chunk::Limits;
use crate::exchange::message::{DocumentHeader, Message, SignedChange};
use crate::exchange::vector::Holding;
use crate::identity::LogVector;
use crate::identity::cbor::{Malformed, Reader, Writer};
use crate::ids::DocumentId;

/// A batch holds at most so many changes,
pub(crate) const BATCH_CHANGES: usize = 256;
/// and at most so many bytes, but always one change.
pub(crate) const BATCH_BYTES: usize = 128 * 1024;
/// What a batch may inflate to.
const INFLATED_BATCH: usize = BATCH_BYTES + Limits::DEFAULT.change_bytes + 4 * BATCH_CHANGES;
/// A page of digests holds at most so many.
pub(crate) const PAGE_DIGESTS: usize = 10_000;
/// A page of vectors holds at most so many documents,
pub(crate) const PAGE_VECTORS: usize = 64;
/// each with at most so many actors.
const MAX_ACTORS: usize = 10_000;

/// An id and what is held under it.
pub(crate) type Entry = ([u8; 16], Digest);

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wire {
    /// Who this is: certificates up to the root (the responder's; the initiator's were in the handshake), a signature
    /// over the handshake hash, the clock.
    Hello { chain: Vec<Vec<u8>>, signature: [u8; 64], clock: i64 },
    /// What is held of the domain log, and a digest over the case and scope logs that both are in.
    Authority { vector: LogVector, cases: Digest },
    /// What is held of the case and scope logs that both are in.
    Logs(Vec<([u8; 16], LogVector)>),
    /// Authority records that the other side lacks, each after those that it follows.
    Records(Vec<Vec<u8>>),
    /// The other side may hand over its own work and gets nothing.
    UploadOnly,
    /// The root digest over the scopes that both may read; nothing where none is held.
    Scopes(Option<Digest>),
    /// The root digests are equal.
    Equal,
    /// The digest of every scope that both may read.
    ScopeList(Vec<Entry>),
    /// The digests of the documents that are held of a scope that differs.
    Documents { scope: [u8; 16], documents: Vec<Entry> },
    /// No more `Documents` follow in this round.
    Listed,
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
    /// A whole document, for somebody who holds nothing of it.
    Snapshot(Message),
    /// A batch has been committed: what is held of its document now.
    Ack { document: [u8; 16], held: Holding },
    /// Everything that the other side lacked has been sent and acknowledged.
    Sent,
    /// Changes that were not taken in, with the reason's code.
    Notice(Vec<([u8; 32], String)>),
    /// Nothing: the session is alive.
    Alive,
    /// The session is over.
    Bye,
    /// The session failed, for this reason; it may be tried again after so many seconds.
    Failed { reason: String, retry_after: Option<u64> },
}

impl Wire {
    /// The type byte and the body.
    pub fn encode(&self) -> (u8, Vec<u8>) {
        match self {
            Self::Hello { chain, signature, clock } => {
                let mut writer = Writer::array(3).nested(chain.len() as u64);
                for record in chain {
                    writer = writer.bytes(record);
                }
                (1, writer.bytes(signature).time(Some(*clock)).done())
            }
            Self::Authority { vector, cases } => {
                (2, Writer::array(2).bytes(&record_entries(vector)).bytes(cases).done())
            }
            Self::Logs(logs) => {
                let mut writer = Writer::array(logs.len() as u64);
                for (log, vector) in logs {
                    writer = writer.nested(2).bytes(log).bytes(&record_entries(vector));
                }
                (3, writer.done())
            }
            Self::Records(records) => {
                let mut writer = Writer::array(records.len() as u64);
                for record in records {
                    writer = writer.bytes(record);
                }
                (4, writer.done())
            }
            Self::UploadOnly => (5, empty()),
            Self::Scopes(root) => {
                (6, Writer::array(1).bytes(root.as_ref().map_or(&[], |root| root.as_slice())).done())
            }
            Self::Equal => (7, empty()),
            Self::ScopeList(scopes) => (8, Writer::array(1).bytes(&entries(scopes)).done()),
            Self::Documents { scope, documents } => {
                (9, Writer::array(2).bytes(scope).bytes(&entries(documents)).done())
            }
            Self::Listed => (10, empty()),
            Self::Vectors(vectors) => {
                let mut writer = Writer::array(vectors.len() as u64);
                for (document, held) in vectors {
                    writer = writer.nested(2).bytes(document).bytes(&holding(held));
                }
                (11, writer.done())
            }
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
            Self::Alive => (22, empty()),
            Self::Bye => (23, empty()),
            Self::Failed { reason, retry_after } => {
                let after = retry_after.map(|seconds| seconds as i64);
                (24, Writer::array(2).text(reason).time(after).done())
            }
        }
    }

    /// Reads a message. A type that a newer version sends is nothing.
    pub fn decode(kind: u8, body: &[u8]) -> Result<Option<Self>, Malformed> {
        let wire = match kind {
            1 => {
                let mut reader = Reader::array(body, 3)?;
                let chain = texts(&mut reader, 8)?;
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
            3 => Self::Logs(list(body, PAGE_DIGESTS, |reader| {
                pair(reader)?;
                Ok((reader.fixed()?, read_record_entries(reader.bytes()?)?))
            })?),
            4 => Self::Records(list(body, PAGE_DIGESTS, |reader| Ok(reader.bytes()?.to_vec()))?),
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
                let scopes = read_entries(reader.bytes()?)?;
                reader.end()?;
                Self::ScopeList(scopes)
            }
            9 => {
                let mut reader = Reader::array(body, 2)?;
                let (scope, documents) = (reader.fixed()?, read_entries(reader.bytes()?)?);
                reader.end()?;
                Self::Documents { scope, documents }
            }
            10 => nothing(body, Self::Listed)?,
            11 => Self::Vectors(list(body, PAGE_VECTORS, |reader| {
                pair(reader)?;
                Ok((reader.fixed()?, read_holding(reader.bytes()?)?))
            })?),
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
                pair(reader)?;
                Ok((reader.fixed()?, short(reader.text()?)?))
            })?),
            22 => nothing(body, Self::Alive)?,
            23 => nothing(body, Self::Bye)?,
            24 => {
                let mut reader = Reader::array(body, 2)?;
                let reason = short(reader.text()?)?;
                let retry_after = reader.time()?.map(i64::unsigned_abs);
                reader.end()?;
                Self::Failed { reason, retry_after }
            }
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

fn pair(reader: &mut Reader<'_>) -> Result<(), Malformed> {
    if reader.nested()? == 2 { Ok(()) } else { Err(Malformed) }
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

fn entries(entries: &[Entry]) -> Vec<u8> {
    entries.iter().flat_map(|(id, digest)| [*id, *digest].concat()).collect()
}

fn read_entries(bytes: &[u8]) -> Result<Vec<Entry>, Malformed> {
    if !bytes.len().is_multiple_of(32) || bytes.len() > 32 * PAGE_DIGESTS {
        return Err(Malformed);
    }
    let entry = |entry: &[u8]| Some((entry.get(..16)?.try_into().ok()?, entry.get(16..)?.try_into().ok()?));
    bytes.chunks_exact(32).map(|bytes| entry(bytes).ok_or(Malformed)).collect()
}

fn record_entries(vector: &LogVector) -> Vec<u8> {
    let entry = |(issuer, (number, hash)): (&[u8; 16], &(u64, [u8; 8]))| {
        [issuer.as_slice(), &number.to_be_bytes(), hash].concat()
    };
    vector.iter().flat_map(entry).collect()
}

fn read_record_entries(bytes: &[u8]) -> Result<LogVector, Malformed> {
    if !bytes.len().is_multiple_of(32) || bytes.len() > 32 * PAGE_DIGESTS {
        return Err(Malformed);
    }
    let entry = |entry: &[u8]| {
        let number = u64::from_be_bytes(entry.get(16..24)?.try_into().ok()?);
        Some((entry.get(..16)?.try_into().ok()?, (number, entry.get(24..)?.try_into().ok()?)))
    };
    bytes.chunks_exact(32).map(|bytes| entry(bytes).ok_or(Malformed)).collect()
}

fn holding(held: &Holding) -> Vec<u8> {
    held.iter()
        .flat_map(|(actor, (seq, hash))| [actor.as_slice(), &seq.to_be_bytes(), hash].concat())
        .collect()
}

fn read_holding(bytes: &[u8]) -> Result<Holding, Malformed> {
    if !bytes.len().is_multiple_of(40) || bytes.len() > 40 * MAX_ACTORS {
        return Err(Malformed);
    }
    let entry = |entry: &[u8]| {
        let seq = u64::from_be_bytes(entry.get(24..32)?.try_into().ok()?);
        Some((entry.get(..24)?.try_into().ok()?, (seq, entry.get(32..)?.try_into().ok()?)))
    };
    bytes.chunks_exact(40).map(|bytes| entry(bytes).ok_or(Malformed)).collect()
}

/// A message of the export as it is, without its length and type.
fn plain(message: &Message) -> Vec<u8> {
    message.encode().split_off(5)
}

fn read_plain(kind: u8, body: &[u8]) -> Result<Message, Malformed> {
    Message::decode(&[&[kind], body].concat())?.ok_or(Malformed)
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(9));
    // Writing into a vector cannot fail.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

fn inflate(bytes: &[u8], most: usize) -> Result<Vec<u8>, Malformed> {
    let mut inflated = Vec::new();
    let mut decoder = DeflateDecoder::new(bytes).take(most as u64 + 1);
    decoder.read_to_end(&mut inflated).map_err(|_| Malformed)?;
    if inflated.len() > most { Err(Malformed) } else { Ok(inflated) }
}

/// Certificates once each, signatures apart from what can be compressed.
fn encode_changes(message: &Message) -> Vec<u8> {
    let Message::Changes { document, header, changes } = message else { return empty() };
    let (mut certificates, mut places, mut signatures, mut chunks) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for change in changes {
        places.push(place_of(&mut certificates, change.certificate));
        signatures.extend_from_slice(&change.signature);
        chunks.extend_from_slice(&(change.chunk.len() as u32).to_be_bytes());
        chunks.extend_from_slice(&change.chunk);
    }
    header
        .write(Writer::array(9), *document)
        .bytes(&certificates.concat())
        .bytes(&places)
        .bytes(&signatures)
        .bytes(&deflate(&chunks))
        .done()
}

fn place_of(certificates: &mut Vec<[u8; 32]>, certificate: [u8; 32]) -> u8 {
    let place = certificates.iter().position(|known| *known == certificate).unwrap_or_else(|| {
        certificates.push(certificate);
        certificates.len() - 1
    });
    // A batch has at most 256 changes, and so at most 256 certificates.
    u8::try_from(place).unwrap_or(u8::MAX)
}

fn read_certificates(bytes: &[u8]) -> Result<Vec<[u8; 32]>, Malformed> {
    let certificates = bytes.chunks(32).map(|bytes| bytes.try_into().map_err(|_| Malformed));
    certificates.collect()
}

fn decode_changes(body: &[u8]) -> Result<Message, Malformed> {
    let mut reader = Reader::array(body, 9)?;
    let (document, header) = DocumentHeader::read(&mut reader)?;
    let certificates = read_certificates(reader.bytes()?)?;
    let (places, signatures) = (reader.bytes()?, reader.bytes()?);
    let chunks = inflate(reader.bytes()?, INFLATED_BATCH)?;
    reader.end()?;
    if places.len() > BATCH_CHANGES || signatures.len() != 64 * places.len() {
        return Err(Malformed);
    }
    let mut rest = chunks.as_slice();
    let mut changes = Vec::with_capacity(places.len());
    for (place, signature) in places.iter().zip(signatures.chunks_exact(64)) {
        let (length, after) = rest.split_first_chunk::<4>().ok_or(Malformed)?;
        let (chunk, after) = after.split_at_checked(u32::from_be_bytes(*length) as usize).ok_or(Malformed)?;
        rest = after;
        changes.push(SignedChange {
            chunk: chunk.to_vec(),
            signature: signature.try_into().map_err(|_| Malformed)?,
            certificate: *certificates.get(usize::from(*place)).ok_or(Malformed)?,
        });
    }
    if rest.is_empty() { Ok(Message::Changes { document, header, changes }) } else { Err(Malformed) }
}

fn encode_snapshot(message: &Message) -> Vec<u8> {
    let Message::Snapshot { document, header, chunk, certificates, signatures } = message else {
        return empty();
    };
    let mut places = Writer::array(signatures.len() as u64);
    for (place, _) in signatures {
        places = places.unsigned(*place);
    }
    header
        .write(Writer::array(9), *document)
        .bytes(&certificates.concat())
        .bytes(&deflate(&places.done()))
        .bytes(&signatures.iter().flat_map(|(_, signature)| *signature).collect::<Vec<_>>())
        .bytes(&deflate(chunk))
        .done()
}

fn decode_snapshot(body: &[u8]) -> Result<Message, Malformed> {
    let mut reader = Reader::array(body, 9)?;
    let (document, header): (DocumentId, _) = DocumentHeader::read(&mut reader)?;
    let certificates = read_certificates(reader.bytes()?)?;
    let places = inflate(reader.bytes()?, Limits::DEFAULT.document_bytes)?;
    let signatures = reader.bytes()?;
    let chunk = inflate(reader.bytes()?, Limits::DEFAULT.document_bytes)?;
    reader.end()?;
    let places = list(&places, Limits::DEFAULT.document_ops as usize, |reader| reader.unsigned())?;
    if signatures.len() != 64 * places.len() {
        return Err(Malformed);
    }
    let signature = |bytes: &[u8]| bytes.try_into().map_err(|_| Malformed);
    let signatures = places
        .into_iter()
        .zip(signatures.chunks_exact(64))
        .map(|(place, bytes)| Ok((place, signature(bytes)?)))
        .collect::<Result<_, Malformed>>()?;
    Ok(Message::Snapshot { document, header, chunk, certificates, signatures })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{ChangeHash, ScopeId, uuid8};

    fn header() -> DocumentHeader {
        DocumentHeader {
            scope: ScopeId(uuid8([4; 16])),
            kind: "contact_log".to_owned(),
            genesis: ChangeHash([5; 32]),
            name: vec![6; 22],
        }
    }

    fn samples() -> Vec<Wire> {
        let document = DocumentId(uuid8([3; 16]));
        let holding = Holding::from([([1; 24], (7, [2; 8]))]);
        let changes = (1..=3).map(|at| SignedChange {
            chunk: vec![at; 300],
            signature: [at; 64],
            certificate: [at / 2; 32],
        });
        vec![
            Wire::Hello { chain: vec![vec![1, 2]], signature: [3; 64], clock: -5 },
            Wire::Authority { vector: LogVector::from([([1; 16], (4, [7; 8]))]), cases: [9; 16] },
            Wire::Logs(vec![([8; 16], LogVector::new())]),
            Wire::Records(vec![vec![1], vec![]]),
            Wire::UploadOnly,
            Wire::Scopes(None),
            Wire::Scopes(Some([1; 16])),
            Wire::Equal,
            Wire::ScopeList(vec![([1; 16], [2; 16])]),
            Wire::Documents { scope: [1; 16], documents: vec![([3; 16], [4; 16]); 3] },
            Wire::Listed,
            Wire::Vectors(vec![([1; 16], holding.clone()), ([2; 16], Holding::new())]),
            Wire::Asked,
            Wire::Coming { documents: 3, changes: 90 },
            Wire::Changes(Message::Changes { document, header: header(), changes: changes.collect() }),
            Wire::Snapshot(Message::Snapshot {
                document,
                header: header(),
                chunk: vec![1; 5_000],
                certificates: vec![[2; 32], [3; 32]],
                signatures: vec![(0, [3; 64]), (1, [4; 64])],
            }),
            Wire::Ack { document: [3; 16], held: holding },
            Wire::Sent,
            Wire::Notice(vec![([1; 32], "bad_signature".to_owned())]),
            Wire::Alive,
            Wire::Bye,
            Wire::Failed { reason: "protocol".to_owned(), retry_after: Some(60) },
        ]
    }

    #[test]
    fn messages_survive_their_bytes_and_no_cut_one_is_read() {
        for wire in samples() {
            let (kind, body) = wire.encode();
            assert_eq!(Wire::decode(kind, &body), Ok(Some(wire.clone())));
            for length in 0..body.len() {
                assert_ne!(Wire::decode(kind, &body[..length]), Ok(Some(wire.clone())), "{wire:?}");
            }
        }
        assert_eq!(Wire::decode(99, &[]), Ok(None));
    }

    #[test]
    fn equal_stores_need_no_more_than_64_bytes() {
        let bytes = |wire: Wire| wire.encode().1.len() + 1;
        // A message has four bytes of length, a frame sixteen of authentication.
        let frames = 2 * (4 + 16);
        assert!(bytes(Wire::Scopes(Some([7; 16]))) + bytes(Wire::Equal) + frames <= 64);
    }

    #[test]
    fn nothing_is_inflated_beyond_a_batch_or_a_document() {
        let huge = deflate(&vec![0; INFLATED_BATCH + 1]);
        let document = DocumentId(uuid8([3; 16]));
        let body =
            header().write(Writer::array(9), document).bytes(&[]).bytes(&[]).bytes(&[]).bytes(&huge).done();
        assert_eq!(Wire::decode(15, &body), Err(Malformed));
        let huge = deflate(&vec![0; Limits::DEFAULT.document_bytes + 1]);
        let places = deflate(&Writer::array(0).done());
        let body = header()
            .write(Writer::array(9), document)
            .bytes(&[])
            .bytes(&places)
            .bytes(&[])
            .bytes(&huge)
            .done();
        assert_eq!(Wire::decode(16, &body), Err(Malformed));
    }
}
