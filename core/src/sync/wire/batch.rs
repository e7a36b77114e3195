//! Changes and documents on the wire: certificates once each, signatures apart from what can be compressed. Nothing is
//! inflated beyond what a batch or a document may hold.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;

use super::{BATCH_BYTES, BATCH_CHANGES, empty, list};
use crate::document::chunk::{self, Limits};
use crate::exchange::message::{DocumentHeader, Message, SignedChange};
use crate::identity::cbor::{Malformed, Reader, Writer};
use crate::ids::DocumentId;

/// What a batch may inflate to.
const INFLATED_BATCH: usize = BATCH_BYTES + Limits::DEFAULT.change_bytes + 4 * BATCH_CHANGES;

fn deflate(bytes: &[u8], level: Compression) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), level);
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

pub(super) fn encode_changes(message: &Message) -> Vec<u8> {
    let Message::Changes { document, header, changes } = message else { return empty() };
    write_changes(header.write(Writer::array(9), *document), changes)
}

/// The same without what the other side knows of the document.
pub(super) fn encode_more(document: DocumentId, changes: &[SignedChange]) -> Vec<u8> {
    write_changes(Writer::array(5).bytes(document.as_bytes()), changes)
}

/// Certificates once each, signatures apart from what can be compressed.
fn write_changes(writer: Writer, changes: &[SignedChange]) -> Vec<u8> {
    let (mut certificates, mut places, mut signatures, mut chunks) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for change in changes {
        places.push(place_of(&mut certificates, change.certificate));
        signatures.extend_from_slice(&change.signature);
        chunks.extend_from_slice(&(change.chunk.len() as u32).to_be_bytes());
        chunks.extend_from_slice(&change.chunk);
    }
    let ops = changes.iter().map(|change| operations(&change.chunk)).sum();
    sparse(ops, |level| {
        let writer = writer.clone().bytes(&certificates.concat()).bytes(&places).bytes(&signatures);
        writer.bytes(&deflate(&chunks, level)).done()
    })
}

fn operations(bytes: &[u8]) -> u64 {
    chunk::operations(bytes, &Limits::DEFAULT)
}

/// A message with so many operations: deflated, unless it is so short then that it would be refused.
fn sparse(ops: u64, encode: impl Fn(Compression) -> Vec<u8>) -> Vec<u8> {
    let body = encode(Compression::best());
    if chunk::is_too_dense(ops, body.len()) { encode(Compression::none()) } else { body }
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

pub(super) fn decode_changes(body: &[u8]) -> Result<Message, Malformed> {
    let mut reader = Reader::array(body, 9)?;
    let (document, header) = DocumentHeader::read(&mut reader)?;
    Ok(Message::Changes { document, header, changes: read_changes(reader, body.len())? })
}

pub(super) fn decode_more(body: &[u8]) -> Result<(DocumentId, Vec<SignedChange>), Malformed> {
    let mut reader = Reader::array(body, 5)?;
    let document = DocumentId::from_slice(reader.bytes()?).map_err(|_| Malformed)?;
    Ok((document, read_changes(reader, body.len())?))
}

/// What a few bytes inflate to may be within all limits of a change, many times over: the message that came, so many
/// bytes long, limits its operations.
fn read_changes(mut reader: Reader<'_>, came: usize) -> Result<Vec<SignedChange>, Malformed> {
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
    let ops = changes.iter().map(|change| operations(&change.chunk)).sum();
    if rest.is_empty() && !chunk::is_too_dense(ops, came) { Ok(changes) } else { Err(Malformed) }
}

pub(super) fn encode_snapshot(message: &Message) -> Vec<u8> {
    let Message::Snapshot { document, header, chunk, certificates, signatures } = message else {
        return empty();
    };
    let mut places = Writer::array(signatures.len() as u64);
    for (place, _) in signatures {
        places = places.unsigned(*place);
    }
    let places = deflate(&places.done(), Compression::best());
    let signatures: Vec<u8> = signatures.iter().flat_map(|(_, signature)| *signature).collect();
    sparse(operations(chunk), |level| {
        let writer = header.write(Writer::array(9), *document).bytes(&certificates.concat());
        writer.bytes(&places).bytes(&signatures).bytes(&deflate(chunk, level)).done()
    })
}

pub(super) fn decode_snapshot(body: &[u8]) -> Result<Message, Malformed> {
    let mut reader = Reader::array(body, 9)?;
    let (document, header): (DocumentId, _) = DocumentHeader::read(&mut reader)?;
    let certificates = read_certificates(reader.bytes()?)?;
    let places = inflate(reader.bytes()?, Limits::DEFAULT.document_bytes)?;
    let signatures = reader.bytes()?;
    let chunk = inflate(reader.bytes()?, Limits::DEFAULT.document_bytes)?;
    reader.end()?;
    let places = list(&places, Limits::DEFAULT.document_ops as usize, |reader| reader.unsigned())?;
    if signatures.len() != 64 * places.len() || chunk::is_too_dense(operations(&chunk), body.len()) {
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
    use crate::sync::wire::Wire;

    fn header() -> DocumentHeader {
        DocumentHeader {
            scope: ScopeId(uuid8([4; 16])),
            kind: "contact_log".to_owned(),
            genesis: ChangeHash([5; 32]),
            name: vec![6; 22],
        }
    }

    #[test]
    fn nothing_is_inflated_beyond_a_batch_or_a_document() {
        let huge = deflate(&vec![0; INFLATED_BATCH + 1], Compression::best());
        let document = DocumentId(uuid8([3; 16]));
        let body =
            header().write(Writer::array(9), document).bytes(&[]).bytes(&[]).bytes(&[]).bytes(&huge).done();
        assert_eq!(Wire::decode(15, &body), Err(Malformed));
        let huge = deflate(&vec![0; Limits::DEFAULT.document_bytes + 1], Compression::best());
        let places = deflate(&Writer::array(0).done(), Compression::best());
        let body = header()
            .write(Writer::array(9), document)
            .bytes(&[])
            .bytes(&places)
            .bytes(&[])
            .bytes(&huge)
            .done();
        assert_eq!(Wire::decode(16, &body), Err(Malformed));
    }

    #[test]
    fn what_deflates_too_well_for_its_operations_goes_as_it_is() {
        let change = SignedChange {
            chunk: chunk::tests::of_runs(10_000, b"key", 40_000),
            signature: [1; 64],
            certificate: [2; 32],
        };
        let document = DocumentId(uuid8([3; 16]));
        let message = Message::Changes { document, header: header(), changes: vec![change.clone(); 2] };
        let body = encode_changes(&message);
        assert!(body.len() > 80_000);
        assert_eq!(decode_changes(&body), Ok(message));
        let length = (change.chunk.len() as u32).to_be_bytes();
        let short = deflate(&[&length[..], &change.chunk].concat(), Compression::best());
        let body = header().write(Writer::array(9), document).bytes(&[2; 32]).bytes(&[0]).bytes(&[1; 64]);
        assert_eq!(decode_changes(&body.bytes(&short).done()), Err(Malformed));
    }
}
