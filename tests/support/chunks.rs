//! A change's chunk taken apart and put together again, with length and checksum that fit whatever was changed.

use caseplan_core::ids::{ChangeHash, sha256};

const MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];

/// A change, field by field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    pub deps: Vec<[u8; 32]>,
    pub actor: Vec<u8>,
    pub seq: u64,
    pub start_op: u64,
    pub time: i64,
    pub message: Vec<u8>,
    /// Other actors, columns, operations.
    pub rest: Vec<u8>,
}

impl Parts {
    pub fn read(chunk: &[u8]) -> Self {
        let body = body(chunk);
        let mut at = 0;
        let count = unsigned(&body, &mut at);
        let deps = (0..count).map(|_| take(&body, &mut at, 32).try_into().unwrap()).collect();
        let length = unsigned(&body, &mut at) as usize;
        let actor = take(&body, &mut at, length).to_vec();
        let (seq, start_op) = (unsigned(&body, &mut at), unsigned(&body, &mut at));
        let time = signed(&body, &mut at);
        let length = unsigned(&body, &mut at) as usize;
        let message = take(&body, &mut at, length).to_vec();
        Self { deps, actor, seq, start_op, time, message, rest: body[at..].to_vec() }
    }

    pub fn chunk(&self) -> Vec<u8> {
        let mut body = Vec::new();
        push(&mut body, self.deps.len() as u64);
        self.deps.iter().for_each(|dep| body.extend(dep));
        push(&mut body, self.actor.len() as u64);
        body.extend(&self.actor);
        push(&mut body, self.seq);
        push(&mut body, self.start_op);
        push_signed(&mut body, self.time);
        push(&mut body, self.message.len() as u64);
        body.extend(&self.message);
        body.extend(&self.rest);
        sealed(1, &body)
    }
}

/// The body of a chunk of any type.
pub fn body(chunk: &[u8]) -> Vec<u8> {
    let mut at = 9;
    let length = unsigned(chunk, &mut at) as usize;
    assert_eq!(chunk.len(), at + length, "not one chunk");
    chunk[at..].to_vec()
}

/// A chunk of a type around a body, with its length and checksum.
pub fn sealed(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut hashed = vec![kind];
    push(&mut hashed, body.len() as u64);
    hashed.extend(body);
    [MAGIC.as_slice(), &sha256(&[&hashed])[..4], &hashed].concat()
}

/// The hash of a change.
pub fn hash_of(chunk: &[u8]) -> ChangeHash {
    ChangeHash(sha256(&[chunk.get(8..).unwrap_or_default()]))
}

pub fn take<'a>(bytes: &'a [u8], at: &mut usize, count: usize) -> &'a [u8] {
    *at += count;
    &bytes[*at - count..*at]
}

pub fn unsigned(bytes: &[u8], at: &mut usize) -> u64 {
    let (mut value, mut shift) = (0, 0);
    loop {
        let byte = take(bytes, at, 1)[0];
        value |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            return value;
        }
    }
}

fn signed(bytes: &[u8], at: &mut usize) -> i64 {
    let (mut value, mut shift) = (0, 0);
    loop {
        let byte = take(bytes, at, 1)[0];
        value |= i64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            return if byte & 0x40 != 0 && shift < 64 { value | (-1 << shift) } else { value };
        }
    }
}

pub fn push(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub fn push_signed(out: &mut Vec<u8>, mut value: i64) {
    loop {
        let byte = (value & 0x7f) as u8;
        value >>= 7;
        if (value == 0 && byte & 0x40 == 0) || (value == -1 && byte & 0x40 != 0) {
            out.push(byte);
            return;
        }
        out.push(byte | 0x80);
    }
}
