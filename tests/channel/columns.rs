//! Changes and documents column by column: what stands in a chunk is exchanged, and length and checksum fit again.

use crate::support::chunks::{body, push, push_signed, sealed, take, unsigned};

pub const OBJECT_ACTOR: u64 = 0x01;
pub const OBJECT_COUNTER: u64 = 0x02;
pub const KEY: u64 = 0x15;
pub const INSERT: u64 = 0x34;
pub const ACTION: u64 = 0x42;
pub const VALUE_META: u64 = 0x56;
pub const VALUE: u64 = 0x57;
pub const PREDECESSORS: u64 = 0x70;
/// Of a change within a document.
pub const MESSAGE: u64 = 0x35;

/// Columns with their numbers, ascending.
pub type Columns = Vec<(u64, Vec<u8>)>;

pub fn number(value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    push(&mut bytes, value);
    bytes
}

/// A number as columns have it that may have one below zero.
pub fn signed(value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    push_signed(&mut bytes, value as i64);
    bytes
}

pub fn text(text: &[u8]) -> Vec<u8> {
    [number(text.len() as u64), text.to_vec()].concat()
}

/// One value so many times, as a run-length column has it.
pub fn run(count: i64, literal: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    // A run has at least two.
    push_signed(&mut bytes, if count == 1 { -1 } else { count });
    bytes.extend(literal);
    bytes
}

/// What has columns: a change after its message, or a document.
pub struct Parted {
    pub actors: Vec<Vec<u8>>,
    /// Heads, of a document.
    heads: Option<Vec<u8>>,
    /// One list for a change; two for a document, first that of its changes.
    pub lists: Vec<Columns>,
    pub rest: Vec<u8>,
}

impl Parted {
    /// The operations of a change, which name these actors besides its own.
    pub fn operations(others: &[[u8; 24]], columns: Columns) -> Self {
        let actors = others.iter().map(|actor| actor.to_vec()).collect();
        Self { actors, heads: None, lists: vec![columns], rest: Vec::new() }
    }

    /// What follows the message of a change.
    pub fn of_change(rest: &[u8]) -> Self {
        Self::read(rest, false)
    }

    pub fn of_document(chunk: &[u8]) -> Self {
        Self::read(&body(chunk), true)
    }

    fn read(bytes: &[u8], document: bool) -> Self {
        let at = &mut 0;
        let count = unsigned(bytes, at);
        let actors = (0..count).map(|_| {
            let length = unsigned(bytes, at) as usize;
            take(bytes, at, length).to_vec()
        });
        let actors = actors.collect();
        let heads = document.then(|| {
            let count = unsigned(bytes, at) as usize;
            take(bytes, at, 32 * count).to_vec()
        });
        let heads_of_lists: Vec<Vec<(u64, usize)>> = (0..1 + usize::from(document))
            .map(|_| {
                let count = unsigned(bytes, at);
                (0..count).map(|_| (unsigned(bytes, at), unsigned(bytes, at) as usize)).collect()
            })
            .collect();
        let lists = heads_of_lists.into_iter().map(|list| {
            list.into_iter().map(|(spec, length)| (spec, take(bytes, at, length).to_vec())).collect()
        });
        let lists = lists.collect();
        Self { actors, heads, lists, rest: bytes[*at..].to_vec() }
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = number(self.actors.len() as u64);
        self.actors.iter().for_each(|actor| bytes.extend(text(actor)));
        if let Some(heads) = &self.heads {
            push(&mut bytes, heads.len() as u64 / 32);
            bytes.extend(heads);
        }
        for columns in &self.lists {
            push(&mut bytes, columns.len() as u64);
            for (spec, data) in columns {
                push(&mut bytes, *spec);
                push(&mut bytes, data.len() as u64);
            }
        }
        self.lists.iter().flatten().for_each(|(_, data)| bytes.extend(data));
        bytes.extend(&self.rest);
        bytes
    }

    /// As a document's chunk.
    pub fn document(&self) -> Vec<u8> {
        sealed(0, &self.bytes())
    }

    /// Exchanges what is in a column of the list with this number.
    pub fn put(&mut self, list: usize, spec: u64, data: Vec<u8>) {
        match self.lists[list].iter_mut().find(|(other, _)| *other == spec) {
            Some(column) => column.1 = data,
            None => {
                self.lists[list].push((spec, data));
                self.lists[list].sort();
            }
        }
    }
}
