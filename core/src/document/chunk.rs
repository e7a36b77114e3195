//! A bounded reader of Automerge chunks: everything that the guard must know before Automerge sees a byte.
//!
//! It allocates no more than the input is long, follows no compression, and counts rows without making them, because
//! a few bytes of run-length code can stand for millions of operations (`architecture.md` §4, `sync.md` §6).

use crate::ids::{Actor, ChangeHash, sha256};

/// Limits of what a peer may send (`sync.md` §5).
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of one change.
    pub change_bytes: usize,
    /// Dependencies of one change: as many heads as a document may have for somebody to write into it.
    pub deps: usize,
    /// Operations of one change.
    pub change_ops: u64,
    /// Bytes of a key, or of another name that an operation has.
    pub key_bytes: usize,
    /// Bytes of a document.
    pub document_bytes: usize,
    /// Operations of a document.
    pub document_ops: u64,
}

impl Limits {
    /// The limits of this version.
    pub const DEFAULT: Self = Self {
        change_bytes: 256 * 1024,
        deps: 1_024,
        change_ops: 10_000,
        key_bytes: 512,
        document_bytes: 4 * 1024 * 1024,
        document_ops: 200_000,
    };
}

/// What a change says of itself, read without trust.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeHeader {
    /// SHA-256 over type, length and body.
    pub hash: ChangeHash,
    /// The changes that it follows.
    pub deps: Vec<ChangeHash>,
    /// Who wrote it.
    pub actor: Actor,
    /// Its number among its actor's changes.
    pub seq: u64,
    /// The counter of its first operation.
    pub start_op: u64,
    /// The writer's time, unix seconds.
    pub time: i64,
    /// The operation's code.
    pub message: String,
    /// How many operations it holds.
    pub ops: u64,
}

impl ChangeHeader {
    /// The counter of its last operation.
    pub fn max_op(&self) -> u64 {
        self.start_op + self.ops.saturating_sub(1)
    }
}

/// Why bytes are not a chunk that may be taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChunkRefused {
    /// Longer, or with more dependencies or operations, than the limits allow.
    #[error("over a limit")]
    OverLimit,
    /// A chunk of another type: compressed, a bundle, or a document where a change belongs.
    #[error("a chunk of the wrong type")]
    WrongType,
    /// Not a chunk: truncated, trailing bytes, a wrong checksum, a number out of range.
    #[error("not a chunk")]
    Malformed,
    /// Inner compression, which could inflate without bound.
    #[error("a compressed column")]
    Compressed,
    /// A document with another number of changes than are signed.
    #[error("not every change is signed")]
    Unsigned,
}

const MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];
/// Bytes of the checksum after it.
const CHECKSUM: usize = 4;
const DOCUMENT: u8 = 0;
const CHANGE: u8 = 1;
/// A message is a code and at most a command id; longer ones could carry text.
const MAX_MESSAGE: usize = 128;
/// The column of an operation's action: its rows are the operations.
const ACTION: u64 = 0x42;
/// The column of a change's actor in a document: its rows are the changes.
const CHANGE_ACTOR: u64 = 0x01;
/// Columns other than the action may hold a few values per operation: a settlement has several predecessors,
pub(super) const ROWS_PER_OP: u64 = 8;
/// and, if it is alone in its change, so many.
pub(super) const ROWS_OF_ONE: u64 = 1_024;
/// An operation takes at least so many bytes of its change; ours take 40. A run makes thousands of them of a few bytes,
/// and each costs the engine a kilobyte and 5 us.
const OP_BYTES: u64 = 4;
/// And so many of the message that brings it, however well that is deflated.
const OP_MESSAGE_BYTES: u64 = 2;

/// Reads one change, and nothing after it.
pub fn read_change(bytes: &[u8], limits: &Limits) -> Result<ChangeHeader, ChunkRefused> {
    if bytes.len() > limits.change_bytes {
        return Err(ChunkRefused::OverLimit);
    }
    let (hash, body) = open(bytes, CHANGE)?;
    let mut reader = Reader(body);
    let count = reader.length()?;
    if count > limits.deps {
        return Err(ChunkRefused::OverLimit);
    }
    let deps = (0..count).map(|_| reader.hash()).collect::<Result<Vec<_>, _>>()?;
    let actor = reader.actor()?;
    let seq = reader.unsigned()?;
    let start_op = reader.unsigned()?;
    let time = reader.signed()?;
    let length = reader.length()?;
    if length > MAX_MESSAGE {
        return Err(ChunkRefused::OverLimit);
    }
    let message = std::str::from_utf8(reader.take(length)?).map_err(|_| ChunkRefused::Malformed)?.to_owned();
    for _ in 0..reader.length()? {
        reader.actor()?;
    }
    let ops = count_ops(&mut reader, limits.change_ops.min(bytes.len() as u64 / OP_BYTES), limits)?;
    // Nothing of ours uses the room that the format leaves after the operations.
    if !reader.0.is_empty() {
        return Err(ChunkRefused::Malformed);
    }
    if seq == 0 || start_op == 0 || ops == 0 || seq > u64::from(u32::MAX) || start_op > u64::from(u32::MAX) {
        return Err(ChunkRefused::Malformed);
    }
    Ok(ChangeHeader { hash, deps, actor, seq, start_op, time, message, ops })
}

/// How much a document chunk holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DocumentSize {
    /// Changes, the genesis among them.
    pub changes: u64,
    /// Operations.
    pub ops: u64,
}

/// Checks that bytes are one document chunk within the limits; answers how much it holds.
pub fn check_document(bytes: &[u8], limits: &Limits) -> Result<DocumentSize, ChunkRefused> {
    if bytes.len() > limits.document_bytes {
        return Err(ChunkRefused::OverLimit);
    }
    let (_, body) = open(bytes, DOCUMENT)?;
    let mut reader = Reader(body);
    for _ in 0..reader.length()? {
        reader.actor()?;
    }
    let heads = reader.length()?;
    for _ in 0..heads {
        reader.hash()?;
    }
    let (changes, ops) = (reader.columns()?, reader.columns()?);
    let mut count = 0;
    for column in &changes {
        let rows = Reader(reader.take(column.length)?).rows(column.kind(), MAX_MESSAGE)?;
        if rows > limits.document_ops {
            return Err(ChunkRefused::OverLimit);
        }
        count = if column.spec == CHANGE_ACTOR { rows } else { count };
    }
    let ops = count_rows(&mut reader, &ops, limits.document_ops, limits.key_bytes)?;
    Ok(DocumentSize { changes: count, ops })
}

/// Whether so many operations are more than a message of so many bytes may bring.
pub fn is_too_dense(ops: u64, bytes: usize) -> bool {
    ops > bytes as u64 / OP_MESSAGE_BYTES
}

/// How many operations a chunk of either type holds; none where it would be refused.
pub fn operations(bytes: &[u8], limits: &Limits) -> u64 {
    match bytes.get(8) {
        Some(&CHANGE) => read_change(bytes, limits).map_or(0, |header| header.ops),
        _ => check_document(bytes, limits).map_or(0, |size| size.ops),
    }
}

/// The hash of a chunk: of all that follows its magic number and its checksum. Nothing if it is too short to have one.
pub fn hash_of(bytes: &[u8]) -> Option<[u8; 32]> {
    bytes.get(MAGIC.len() + CHECKSUM..).map(|hashed| sha256(&[hashed]))
}

/// Whether a change says that it follows another one directly; no more of it is read than that.
pub fn follows(bytes: &[u8], before: &[u8; 32]) -> bool {
    let found = open(bytes, CHANGE).and_then(|(_, body)| {
        let mut reader = Reader(body);
        for _ in 0..reader.length()? {
            if reader.hash()?.0 == *before {
                return Ok(true);
            }
        }
        Ok(false)
    });
    found.unwrap_or(false)
}

fn open(bytes: &[u8], kind: u8) -> Result<(ChangeHash, &[u8]), ChunkRefused> {
    let mut reader = Reader(bytes);
    if reader.take(MAGIC.len())? != MAGIC {
        return Err(ChunkRefused::Malformed);
    }
    let checksum = reader.take(CHECKSUM)?;
    let hashed = reader.0;
    if reader.take(1)? != [kind] {
        return Err(ChunkRefused::WrongType);
    }
    let length = reader.length()?;
    if length != reader.0.len() {
        return Err(ChunkRefused::Malformed);
    }
    let hash = sha256(&[hashed]);
    if checksum != &hash[..CHECKSUM] {
        return Err(ChunkRefused::Malformed);
    }
    Ok((ChangeHash(hash), reader.0))
}

fn count_ops(reader: &mut Reader<'_>, limit: u64, limits: &Limits) -> Result<u64, ChunkRefused> {
    let columns = reader.columns()?;
    count_rows(reader, &columns, limit, limits.key_bytes)
}

fn count_rows(
    reader: &mut Reader<'_>,
    columns: &[Column],
    limit: u64,
    longest: usize,
) -> Result<u64, ChunkRefused> {
    let mut ops = 0;
    for column in columns {
        let rows = Reader(reader.take(column.length)?).rows(column.kind(), longest)?;
        if column.spec == ACTION {
            ops = rows;
        }
        let most = if column.spec == ACTION { limit } else { (limit * ROWS_PER_OP).max(ROWS_OF_ONE) };
        if rows > most {
            return Err(ChunkRefused::OverLimit);
        }
    }
    Ok(ops)
}

struct Column {
    spec: u64,
    length: usize,
}

impl Column {
    fn kind(&self) -> u64 {
        self.spec & 0b111
    }
}

/// A cursor that never reads past its end.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], ChunkRefused> {
        let (head, tail) = self.0.split_at_checked(count).ok_or(ChunkRefused::Malformed)?;
        self.0 = tail;
        Ok(head)
    }

    fn byte(&mut self) -> Result<u8, ChunkRefused> {
        Ok(self.take(1)?[0])
    }

    fn unsigned(&mut self) -> Result<u64, ChunkRefused> {
        let mut value: u64 = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return Err(ChunkRefused::Malformed);
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(ChunkRefused::Malformed)
    }

    fn signed(&mut self) -> Result<i64, ChunkRefused> {
        let mut value: i64 = 0;
        for shift in (0..70).step_by(7) {
            let byte = self.byte()?;
            if shift < 63 {
                value |= i64::from(byte & 0x7f) << shift;
            } else if byte != 0 && byte != 0x7f {
                return Err(ChunkRefused::Malformed);
            } else {
                value |= i64::from(byte & 1) << 63;
            }
            if byte & 0x80 == 0 {
                if shift < 57 && byte & 0x40 != 0 {
                    value |= -1 << (shift + 7);
                }
                return Ok(value);
            }
        }
        Err(ChunkRefused::Malformed)
    }

    /// A count of things of at least one byte each, so never more than what is left.
    fn length(&mut self) -> Result<usize, ChunkRefused> {
        let length = usize::try_from(self.unsigned()?).map_err(|_| ChunkRefused::Malformed)?;
        if length > self.0.len() { Err(ChunkRefused::Malformed) } else { Ok(length) }
    }

    fn hash(&mut self) -> Result<ChangeHash, ChunkRefused> {
        ChangeHash::from_slice(self.take(32)?).map_err(|_| ChunkRefused::Malformed)
    }

    fn actor(&mut self) -> Result<Actor, ChunkRefused> {
        let length = self.length()?;
        Actor::from_slice(self.take(length)?).map_err(|_| ChunkRefused::Malformed)
    }

    fn columns(&mut self) -> Result<Vec<Column>, ChunkRefused> {
        let count = self.length()?;
        let mut columns = Vec::new();
        for _ in 0..count {
            let spec = self.unsigned()?;
            if spec & 0b1000 != 0 {
                return Err(ChunkRefused::Compressed);
            }
            let length = usize::try_from(self.unsigned()?).map_err(|_| ChunkRefused::Malformed)?;
            columns.push(Column { spec, length });
        }
        Ok(columns)
    }

    /// How many rows a column stands for; its texts are at most so long, each of which a run may stand for many times.
    fn rows(&mut self, kind: u64, longest: usize) -> Result<u64, ChunkRefused> {
        let mut rows: u64 = 0;
        while !self.0.is_empty() {
            let more = match kind {
                4 => self.unsigned()?,
                7 => {
                    self.0 = &[];
                    0
                }
                _ => self.run(kind, longest)?,
            };
            rows = rows.saturating_add(more);
        }
        Ok(rows)
    }

    /// One run of a run-length column: the rows that it stands for.
    fn run(&mut self, kind: u64, longest: usize) -> Result<u64, ChunkRefused> {
        match self.signed()? {
            0 => self.unsigned(),
            repeated @ 1.. => {
                self.literal(kind, longest)?;
                Ok(repeated.unsigned_abs())
            }
            literals => {
                let count = literals.unsigned_abs();
                if count > self.0.len() as u64 {
                    return Err(ChunkRefused::Malformed);
                }
                for _ in 0..count {
                    self.literal(kind, longest)?;
                }
                Ok(count)
            }
        }
    }

    fn literal(&mut self, kind: u64, longest: usize) -> Result<(), ChunkRefused> {
        match kind {
            3 => self.signed().map(|_| ()),
            5 => {
                let length = self.length()?;
                if length > longest {
                    return Err(ChunkRefused::OverLimit);
                }
                self.take(length).map(|_| ())
            }
            _ => self.unsigned().map(|_| ()),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
