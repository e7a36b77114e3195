//! What other libraries say until two devices hold the same: automerge by its own protocol, loro and yrs by version
//! vectors, each document by itself over one connection. They sign nothing, encrypt nothing, ask nobody who may read,
//! and store nothing; their documents lie in memory before anything is counted.

use std::cmp::Ordering;

use automerge::sync::{Message, State, SyncDoc};
use automerge::{Automerge, ObjId, ObjType, ROOT, ReadDoc, Value};
use loro::{ExportMode, LoroDoc, LoroMap, VersionVector};
use yrs::updates::decoder::Decode;
use yrs::updates::encoder::Encode;
use yrs::{Map, MapPrelim, ReadTxn, StateVector, Transact, Update};

/// What went over a connection.
#[derive(Debug, Clone, Copy, Default)]
pub struct Traffic {
    /// Bytes in both directions.
    pub bytes: usize,
    /// How often the direction turned: two are a round trip.
    pub turns: usize,
    /// Turns until the side that began had said its first change.
    pub until_sent: usize,
    /// Documents that a store had to load, on both sides.
    pub loaded: u64,
}

/// A document on one device, and how far it is with one peer.
pub trait Talks {
    /// From saved bytes; none are an empty document.
    fn load(bytes: &[u8]) -> Self;
    /// The next message.
    fn say(&mut self, begins: bool) -> Option<Vec<u8>>;
    /// Takes in a message.
    fn hear(&mut self, message: &[u8]);
    /// Whether it holds what the other one does.
    fn same(&self, other: &Self) -> bool;
}

/// Carries messages to and fro until there are none.
pub fn exchange<T: Talks>(phone: &mut [T], other: &mut [T]) -> Traffic {
    let mut traffic = Traffic::default();
    loop {
        let before = traffic.turns;
        for begins in [true, false] {
            let mut said = 0;
            for (one, two) in phone.iter_mut().zip(other.iter_mut()) {
                let (speaker, hearer) = if begins { (one, two) } else { (two, one) };
                if let Some(message) = speaker.say(begins) {
                    said += message.len();
                    hearer.hear(&message);
                }
            }
            traffic.bytes += said;
            traffic.turns += usize::from(said > 0);
        }
        if traffic.turns == before {
            assert!(phone.iter().zip(other.iter()).all(|(one, two)| one.same(two)));
            return traffic;
        }
    }
}

/// Automerge, whose protocol begins anew with each connection.
pub struct Merging(pub Automerge, State);

impl Talks for Merging {
    fn load(bytes: &[u8]) -> Self {
        let document = if bytes.is_empty() { Automerge::new() } else { Automerge::load(bytes).unwrap() };
        Self(document, State::new())
    }

    fn say(&mut self, _: bool) -> Option<Vec<u8>> {
        Some(self.0.generate_sync_message(&mut self.1)?.encode())
    }

    fn hear(&mut self, message: &[u8]) {
        self.0.receive_sync_message(&mut self.1, Message::decode(message).unwrap()).unwrap();
    }

    fn same(&self, other: &Self) -> bool {
        self.0.get_heads() == other.0.get_heads()
    }
}

/// A library that says what a vector lacks.
pub trait Vectored {
    fn load(bytes: &[u8]) -> Self;
    fn vector(&self) -> Vec<u8>;
    /// What the owner of a vector lacks, if anything.
    fn lacking(&self, vector: &[u8]) -> Option<Vec<u8>>;
    fn import(&mut self, update: &[u8]);
}

/// Three messages: a vector, what it lacks with the other vector, what that lacks.
pub struct Asking<V> {
    document: V,
    asked: bool,
    theirs: Option<Vec<u8>>,
}

impl<V: Vectored> Talks for Asking<V> {
    fn load(bytes: &[u8]) -> Self {
        Self { document: V::load(bytes), asked: false, theirs: None }
    }

    fn say(&mut self, begins: bool) -> Option<Vec<u8>> {
        let theirs = self.theirs.take();
        if theirs.is_none() && (self.asked || !begins) {
            return None;
        }
        let update = theirs.and_then(|vector| self.document.lacking(&vector));
        let own = if self.asked { Vec::new() } else { self.document.vector() };
        if std::mem::replace(&mut self.asked, true) && update.is_none() {
            return None;
        }
        let length = u16::try_from(own.len()).unwrap().to_be_bytes();
        Some([length.as_slice(), &own, &update.unwrap_or_default()].concat())
    }

    fn hear(&mut self, message: &[u8]) {
        let (length, rest) = message.split_at(2);
        let (vector, update) = rest.split_at(usize::from(u16::from_be_bytes(length.try_into().unwrap())));
        if !update.is_empty() {
            self.document.import(update);
        }
        self.theirs = (!vector.is_empty()).then(|| vector.to_vec());
    }

    fn same(&self, other: &Self) -> bool {
        self.document.lacking(&other.document.vector()).is_none()
            && other.document.lacking(&self.document.vector()).is_none()
    }
}

impl Vectored for LoroDoc {
    fn load(bytes: &[u8]) -> Self {
        let document = Self::new();
        if !bytes.is_empty() {
            document.import(bytes).unwrap();
        }
        document
    }

    fn vector(&self) -> Vec<u8> {
        self.oplog_vv().encode()
    }

    fn lacking(&self, vector: &[u8]) -> Option<Vec<u8>> {
        let theirs = VersionVector::decode(vector).unwrap();
        match self.oplog_vv().partial_cmp(&theirs) {
            Some(Ordering::Less | Ordering::Equal) => None,
            _ if theirs.is_empty() => Some(self.export(ExportMode::Snapshot).unwrap()),
            _ => Some(self.export(ExportMode::updates(&theirs)).unwrap()),
        }
    }

    fn import(&mut self, update: &[u8]) {
        LoroDoc::import(self, update).unwrap();
    }
}

impl Vectored for yrs::Doc {
    fn load(bytes: &[u8]) -> Self {
        let mut document = Self::new();
        if !bytes.is_empty() {
            Vectored::import(&mut document, bytes);
        }
        document
    }

    fn vector(&self) -> Vec<u8> {
        self.transact().state_vector().encode_v1()
    }

    fn lacking(&self, vector: &[u8]) -> Option<Vec<u8>> {
        let theirs = StateVector::decode_v1(vector).unwrap();
        let tx = self.transact();
        let more = tx.state_vector().iter().any(|(client, clock)| *clock > theirs.get(client));
        more.then(|| tx.encode_state_as_update_v1(&theirs))
    }

    fn import(&mut self, update: &[u8]) {
        self.transact_mut().apply_update(Update::decode_v1(update).unwrap()).unwrap();
    }
}

/// What one of our documents says, entity by entity: its container and key, and its fields by their path.
pub type Content = Vec<((String, String), Vec<(String, String)>)>;

/// Reads a document, for others to hold the same.
pub fn content(document: &Automerge) -> Content {
    let mut content = Content::new();
    for container in document.keys(ROOT) {
        let Some((Value::Object(_), id)) = document.get(ROOT, &container).unwrap() else { continue };
        let mut own = Vec::new();
        for key in document.keys(&id) {
            match document.get(&id, &key).unwrap() {
                Some((Value::Object(kind), entity)) => {
                    let mut fields = Vec::new();
                    flatten(document, &entity, kind, "", &mut fields);
                    content.push(((container.clone(), key), fields));
                }
                Some((value, _)) => own.push((key, text(&value))),
                None => {}
            }
        }
        if !own.is_empty() {
            content.push(((container, String::new()), own));
        }
    }
    content
}

fn flatten(document: &Automerge, id: &ObjId, kind: ObjType, path: &str, fields: &mut Vec<(String, String)>) {
    let mut take = |key: String, value: Option<(Value<'_>, ObjId)>| match value {
        Some((Value::Object(kind), inner)) => {
            flatten(document, &inner, kind, &format!("{path}{key}/"), fields)
        }
        Some((value, _)) => fields.push((format!("{path}{key}"), text(&value))),
        None => {}
    };
    if kind == ObjType::Map {
        document.keys(id).for_each(|key| take(key.clone(), document.get(id, &key).unwrap()));
    } else {
        (0..document.length(id)).for_each(|at| take(at.to_string(), document.get(id, at).unwrap()));
    }
}

fn text(value: &Value<'_>) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Loro's bytes of a document with more content, one commit an entity.
pub fn in_loro(saved: &[u8], more: &Content) -> Vec<u8> {
    let document = <LoroDoc as Vectored>::load(saved);
    for ((container, key), fields) in more {
        let map = document.get_map(container.as_str());
        let entity = if key.is_empty() { map } else { map.insert_container(key, LoroMap::new()).unwrap() };
        fields.iter().for_each(|(field, value)| entity.insert(field, value.as_str()).unwrap());
        document.commit();
    }
    document.export(ExportMode::Snapshot).unwrap()
}

/// The same in yrs.
pub fn in_yrs(saved: &[u8], more: &Content) -> Vec<u8> {
    let document = <yrs::Doc as Vectored>::load(saved);
    for ((container, key), fields) in more {
        let map = document.get_or_insert_map(container.as_str());
        let mut tx = document.transact_mut();
        if key.is_empty() {
            for (field, value) in fields {
                map.insert(&mut tx, field.as_str(), value.as_str());
            }
        } else {
            map.insert(&mut tx, key.as_str(), MapPrelim::from_iter(fields.clone()));
        }
    }
    document.transact().encode_state_as_update_v1(&StateVector::default())
}
