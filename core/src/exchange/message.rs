//! The messages of an export: `u32 length ‖ type ‖ CBOR`, one encoding each (`sync.md` §4, §10).

use crate::identity::cbor::{Malformed, Reader, Writer};
use crate::ids::{ChangeHash, DeviceId, DocumentId, DomainId, ScopeId};

/// No message is longer: a whole document with its signatures.
pub const MAX_MESSAGE: usize = 8 * 1024 * 1024;
/// The version of the messages.
pub const VERSION: u64 = 1;
/// A message of changes holds at most so many,
pub const MAX_BATCH: usize = 128;
/// and at most so many bytes, but always one change.
pub const MAX_BATCH_BYTES: usize = 128 * 1024;

/// A change with its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedChange {
    /// The chunk, type 1.
    pub chunk: Vec<u8>,
    /// The author's signature.
    pub signature: [u8; 64],
    /// The author's certificate, by hash.
    pub certificate: [u8; 32],
}

/// What a document's id is the hash of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentHeader {
    /// The scope.
    pub scope: ScopeId,
    /// The kind's code.
    pub kind: String,
    /// The genesis change.
    pub genesis: ChangeHash,
    /// The name.
    pub name: Vec<u8>,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Who sends, of which domain.
    Hello {
        /// The domain.
        domain: DomainId,
        /// The device.
        device: DeviceId,
    },
    /// Authority records, each after the ones that it follows.
    Authority {
        /// Records with signatures.
        records: Vec<Vec<u8>>,
    },
    /// A scope with the founding record of its case.
    Scope {
        /// The founding record.
        founding: Vec<u8>,
        /// Its signature.
        signature: [u8; 64],
        /// The founder's certificate, by hash.
        certificate: [u8; 32],
        /// The level; 0 for a visitation plan's scope.
        level: u8,
        /// The visitation plan; empty for a level's scope.
        plan: Vec<u8>,
    },
    /// Changes of one document, ancestors first.
    Changes {
        /// The document.
        document: DocumentId,
        /// What its id is the hash of.
        header: DocumentHeader,
        /// The changes.
        changes: Vec<SignedChange>,
    },
    /// A whole document, for somebody who holds nothing of it; verified change by change like any other.
    Snapshot {
        /// The document.
        document: DocumentId,
        /// What its id is the hash of.
        header: DocumentHeader,
        /// The document chunk, type 0, without inner compression.
        chunk: Vec<u8>,
        /// The certificates that the signatures name, by hash.
        certificates: Vec<[u8; 32]>,
        /// For each change, ordered by last operation and actor: the place of its certificate, and its signature.
        signatures: Vec<(u64, [u8; 64])>,
    },
    /// What the sender holds of one document.
    Held {
        /// The document.
        document: DocumentId,
        /// Each actor's highest number, and its mark as in a vector.
        actors: Vec<([u8; 24], u64, [u8; 8])>,
    },
    /// Nothing follows.
    End,
    /// Who wrote a file for one device: stands first in it.
    Chain {
        /// The sender's certificates, from the root's word down, its own last.
        records: Vec<Vec<u8>>,
    },
}

impl Message {
    /// The message with its length and type.
    pub fn encode(&self) -> Vec<u8> {
        let (kind, body) = match self {
            Self::Hello { domain, device } => {
                (1, Writer::array(3).unsigned(VERSION).bytes(domain.as_bytes()).bytes(device.as_bytes()))
            }
            Self::Authority { records } => (2, write_records(records)),
            Self::Scope { founding, signature, certificate, level, plan } => (
                3,
                Writer::array(5)
                    .bytes(founding)
                    .bytes(signature)
                    .bytes(certificate)
                    .unsigned((*level).into())
                    .bytes(plan),
            ),
            Self::Changes { document, header, changes } => {
                let mut writer = header.write(Writer::array(6), *document).nested(changes.len() as u64);
                for change in changes {
                    writer = writer
                        .nested(3)
                        .bytes(&change.chunk)
                        .bytes(&change.signature)
                        .bytes(&change.certificate);
                }
                (4, writer)
            }
            Self::Snapshot { document, header, chunk, certificates, signatures } => {
                let mut writer = header.write(Writer::array(8), *document).bytes(chunk);
                writer = writer.nested(certificates.len() as u64);
                for certificate in certificates {
                    writer = writer.bytes(certificate);
                }
                writer = writer.nested(signatures.len() as u64);
                for (certificate, signature) in signatures {
                    writer = writer.nested(2).unsigned(*certificate).bytes(signature);
                }
                (5, writer)
            }
            Self::Held { document, actors } => {
                let mut writer = Writer::array(2).bytes(document.as_bytes()).nested(actors.len() as u64);
                for (actor, seq, mark) in actors {
                    writer = writer.nested(3).bytes(actor).unsigned(*seq).bytes(mark);
                }
                (6, writer)
            }
            Self::End => (7, Writer::array(0)),
            Self::Chain { records } => (8, write_records(records)),
        };
        let body = body.done();
        let mut bytes = Vec::with_capacity(body.len() + 5);
        bytes.extend((body.len() as u32 + 1).to_be_bytes());
        bytes.push(kind);
        bytes.extend(body);
        bytes
    }

    /// Reads a message's type and body. A type that a newer version sends is nothing.
    pub fn decode(bytes: &[u8]) -> Result<Option<Self>, Malformed> {
        let (kind, body) = bytes.split_first().ok_or(Malformed)?;
        let message = match kind {
            1 => {
                let mut reader = Reader::array(body, 3)?;
                if reader.unsigned()? != VERSION {
                    return Err(Malformed);
                }
                let domain = DomainId::from_slice(reader.bytes()?).map_err(|_| Malformed)?;
                let device = DeviceId::from_slice(reader.bytes()?).map_err(|_| Malformed)?;
                reader.end()?;
                Self::Hello { domain, device }
            }
            2 => Self::Authority { records: read_records(body)? },
            3 => {
                let mut reader = Reader::array(body, 5)?;
                let founding = reader.bytes()?.to_vec();
                let (signature, certificate) = (reader.fixed()?, reader.fixed()?);
                let level = u8::try_from(reader.unsigned()?).map_err(|_| Malformed)?;
                let plan = reader.bytes()?.to_vec();
                reader.end()?;
                Self::Scope { founding, signature, certificate, level, plan }
            }
            4 => Self::decode_changes(body)?,
            5 => Self::decode_snapshot(body)?,
            6 => {
                let mut reader = Reader::array(body, 2)?;
                let document = DocumentId::from_slice(reader.bytes()?).map_err(|_| Malformed)?;
                let count = reader.nested()?;
                let actors = (0..count)
                    .map(|_| {
                        if reader.nested()? != 3 {
                            return Err(Malformed);
                        }
                        Ok((reader.fixed()?, reader.unsigned()?, reader.fixed()?))
                    })
                    .collect::<Result<_, Malformed>>()?;
                reader.end()?;
                Self::Held { document, actors }
            }
            7 => {
                Reader::array(body, 0)?.end()?;
                Self::End
            }
            8 => Self::Chain { records: read_records(body)? },
            _ => return Ok(None),
        };
        Ok(Some(message))
    }

    fn decode_changes(body: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::array(body, 6)?;
        let (document, header) = DocumentHeader::read(&mut reader)?;
        let count = reader.nested()?;
        if count > MAX_BATCH as u64 {
            return Err(Malformed);
        }
        let changes = (0..count)
            .map(|_| {
                if reader.nested()? != 3 {
                    return Err(Malformed);
                }
                let chunk = reader.bytes()?.to_vec();
                Ok(SignedChange { chunk, signature: reader.fixed()?, certificate: reader.fixed()? })
            })
            .collect::<Result<_, Malformed>>()?;
        reader.end()?;
        Ok(Self::Changes { document, header, changes })
    }

    fn decode_snapshot(body: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::array(body, 8)?;
        let (document, header) = DocumentHeader::read(&mut reader)?;
        let chunk = reader.bytes()?.to_vec();
        let count = reader.nested()?;
        let certificates = (0..count).map(|_| reader.fixed()).collect::<Result<_, Malformed>>()?;
        let count = reader.nested()?;
        let signatures = (0..count)
            .map(|_| {
                if reader.nested()? != 2 {
                    return Err(Malformed);
                }
                Ok((reader.unsigned()?, reader.fixed()?))
            })
            .collect::<Result<_, Malformed>>()?;
        reader.end()?;
        Ok(Self::Snapshot { document, header, chunk, certificates, signatures })
    }
}

fn write_records(records: &[Vec<u8>]) -> Writer {
    Writer::array(1).nested(records.len() as u64).all(records)
}

fn read_records(body: &[u8]) -> Result<Vec<Vec<u8>>, Malformed> {
    let mut reader = Reader::array(body, 1)?;
    let count = reader.nested()?;
    let records = (0..count).map(|_| Ok(reader.bytes()?.to_vec())).collect::<Result<_, Malformed>>()?;
    reader.end()?;
    Ok(records)
}

impl DocumentHeader {
    pub(crate) fn write(&self, writer: Writer, document: DocumentId) -> Writer {
        writer
            .bytes(document.as_bytes())
            .bytes(self.scope.as_bytes())
            .text(&self.kind)
            .bytes(&self.genesis.0)
            .bytes(&self.name)
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<(DocumentId, Self), Malformed> {
        let document = DocumentId::from_slice(reader.bytes()?).map_err(|_| Malformed)?;
        let scope = ScopeId::from_slice(reader.bytes()?).map_err(|_| Malformed)?;
        let kind = reader.text()?.to_owned();
        let genesis = ChangeHash(reader.fixed()?);
        let name = reader.bytes()?.to_vec();
        if kind.len() > 64 || name.len() > 64 {
            return Err(Malformed);
        }
        Ok((document, Self { scope, kind, genesis, name }))
    }
}

/// Cuts a stream into messages, whatever portions it comes in.
#[derive(Debug, Default)]
pub struct Splitter {
    buffer: Vec<u8>,
    start: usize,
}

impl Splitter {
    /// Adds bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        // What was read is dropped at once, so that many small messages move each byte about once.
        self.buffer.drain(..self.start);
        self.start = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole message; nothing until more bytes come.
    ///
    /// # Errors
    /// When its length says that no message could be meant.
    pub fn next_message(&mut self) -> Result<Option<Vec<u8>>, Malformed> {
        let waiting = self.buffer.get(self.start..).unwrap_or_default();
        let Some((length, rest)) = waiting.split_first_chunk::<4>() else { return Ok(None) };
        let length = u32::from_be_bytes(*length) as usize;
        if length == 0 || length > MAX_MESSAGE {
            return Err(Malformed);
        }
        if rest.len() < length {
            return Ok(None);
        }
        let message = rest[..length].to_vec();
        self.start += 4 + length;
        Ok(Some(message))
    }

    /// Whether nothing is left over.
    pub fn is_empty(&self) -> bool {
        self.start == self.buffer.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::uuid8;

    fn header() -> DocumentHeader {
        DocumentHeader {
            scope: ScopeId(uuid8([4; 16])),
            kind: "case".to_owned(),
            genesis: ChangeHash([5; 32]),
            name: vec![6; 16],
        }
    }

    fn samples() -> Vec<Message> {
        let document = DocumentId(uuid8([3; 16]));
        vec![
            Message::Hello { domain: DomainId(uuid8([1; 16])), device: DeviceId(uuid8([2; 16])) },
            Message::Authority { records: vec![vec![1, 2], vec![]] },
            Message::Scope {
                founding: vec![9; 40],
                signature: [1; 64],
                certificate: [2; 32],
                level: 1,
                plan: Vec::new(),
            },
            Message::Changes {
                document,
                header: header(),
                changes: vec![SignedChange { chunk: vec![7; 9], signature: [8; 64], certificate: [9; 32] }],
            },
            Message::Snapshot {
                document,
                header: header(),
                chunk: vec![1; 5],
                certificates: vec![[2; 32]],
                signatures: vec![(0, [3; 64])],
            },
            Message::Held { document, actors: vec![([1; 24], 5, [6; 8])] },
            Message::End,
            Message::Chain { records: vec![vec![3], vec![4, 5]] },
        ]
    }

    #[test]
    fn messages_survive_one_byte_portions() {
        let bytes: Vec<u8> = samples().iter().flat_map(Message::encode).collect();
        let mut splitter = Splitter::default();
        let mut read = Vec::new();
        for byte in bytes {
            splitter.push(&[byte]);
            while let Some(message) = splitter.next_message().unwrap() {
                read.extend(Message::decode(&message).unwrap());
            }
        }
        assert_eq!(read, samples());
        assert!(splitter.is_empty());
    }

    #[test]
    fn unknown_types_are_skipped_and_absurd_lengths_refused() {
        assert_eq!(Message::decode(&[99, 0x80]), Ok(None));
        let mut splitter = Splitter::default();
        splitter.push(&[0xff; 8]);
        assert_eq!(splitter.next_message(), Err(Malformed));
    }
}
