//! An enrolled device that does what no Caseplan would: its own changes, signed, in streams of its own making.

use automerge::transaction::{CommitOptions, Transaction};
use automerge::{ActorId, Automerge, ReadDoc};
use caseplan_core::document::Document;
use caseplan_core::document::layout::Kind;
use caseplan_core::exchange::message::{DocumentHeader, Message, SignedChange, Splitter};
use caseplan_core::exchange::snapshot::take_apart;
use caseplan_core::exchange::{ImportReport, Refusal};
use caseplan_core::identity::cbor::Reader;
use caseplan_core::identity::founding::Header;
use caseplan_core::identity::record::Signed;
use caseplan_core::identity::signature::Place;
use caseplan_core::identity::{DeviceKeys, RecordBody, Role};
use caseplan_core::ids::{Actor, DocumentId};

use super::Device;
use super::chunks::hash_of;
use super::link::take_in;

/// A document as a stream names it.
#[derive(Debug, Clone)]
pub struct Target {
    pub id: DocumentId,
    pub header: DocumentHeader,
}

impl Target {
    /// The document that is named so.
    pub fn of(header: Header) -> Self {
        let id = header.document_id();
        let Header { scope, kind, genesis, name } = header;
        Self { id, header: DocumentHeader { scope, kind, genesis, name } }
    }
}

pub struct Hostile {
    pub device: Device,
    pub keys: DeviceKeys,
    pub certificate: [u8; 32],
}

impl Hostile {
    /// A device that somebody certified in good faith.
    pub fn enrolled_by(friend: &Device) -> Self {
        let device = Device::new("hostile", "w-666");
        let request = device.store.identity().request().unwrap();
        let answer = friend.store.identity().certify(&request, &[Role::Caseworker], 1, None).unwrap();
        device.store.identity().adopt(&answer).unwrap();
        let keys = DeviceKeys::load(device.vault.as_ref()).unwrap().unwrap();
        let certificate = certificate_in(&answer, &keys);
        Self { device, keys, certificate }
    }

    /// A device that somebody took in over a channel, so that it can connect.
    pub fn taken_in_by(friend: &Device) -> Self {
        let device = Device::new("hostile", "w-666");
        take_in(&friend.store, &device.store, "w-666", &[Role::Caseworker]);
        Self::with(device)
    }

    /// A device that was taken in, with what it signs by: its app may do more than this version of it.
    pub fn with(device: Device) -> Self {
        let keys = DeviceKeys::load(device.vault.as_ref()).unwrap().unwrap();
        let said = messages(&device);
        let records = said.iter().filter_map(|message| match message {
            Message::Authority { records } => Some(records),
            _ => None,
        });
        let certificate = certificate_among(records.flatten().map(Vec::as_slice), &keys);
        Self { device, keys, certificate }
    }

    /// Its actor in some incarnation.
    pub fn actor(&self, incarnation: u8) -> Actor {
        Actor::new(self.keys.device_id(), [incarnation; 8])
    }

    /// A signed change for a place.
    pub fn signs(&self, target: &Target, chunk: Vec<u8>) -> SignedChange {
        let place = Place { scope: target.header.scope, document: target.id, kind: &target.header.kind };
        let signature = place.sign(&self.keys, &self.certificate, &hash_of(&chunk));
        SignedChange { chunk, signature, certificate: self.certificate }
    }

    /// The chunk of a change that follows everything in a document.
    pub fn writes(&self, document: &Automerge, work: impl FnOnce(&mut Transaction<'_>)) -> Vec<u8> {
        self.writes_as(self.actor(1), document, work)
    }

    pub fn writes_as(
        &self,
        actor: Actor,
        document: &Automerge,
        work: impl FnOnce(&mut Transaction<'_>),
    ) -> Vec<u8> {
        let mut document = document.clone();
        document.set_actor(ActorId::from(actor.0));
        let mut tx = document.transaction();
        work(&mut tx);
        let (hash, _) = tx.commit_with(CommitOptions::default().with_message("x").with_time(1_772_000_000));
        document.get_change_by_hash(&hash.unwrap()).unwrap().raw_bytes().to_vec()
    }

    /// Hands signed changes over in one message.
    pub fn sends(&self, to: &Device, target: &Target, changes: Vec<SignedChange>) -> ImportReport {
        self.says(to, vec![changes_of(target, changes)])
    }

    /// Hands messages over between a greeting and an end, to somebody who granted it every case in good faith.
    pub fn says(&self, to: &Device, messages: Vec<Message>) -> ImportReport {
        to.share_with(&self.device);
        let mut all = vec![self.hello()];
        all.extend(messages);
        all.push(Message::End);
        imported(to, &all)
    }

    pub fn hello(&self) -> Message {
        Message::Hello {
            domain: self.device.store.identity().domain(),
            device: self.device.store.identity().device(),
        }
    }
}

/// What a device does with messages that reach it as bytes.
pub fn imported(to: &Device, messages: &[Message]) -> ImportReport {
    let bytes: Vec<u8> = messages.iter().flat_map(Message::encode).collect();
    let mut import = to.store.exchange().import().unwrap();
    import.feed(&bytes).unwrap();
    import.finish()
}

pub fn changes_of(target: &Target, changes: Vec<SignedChange>) -> Message {
    Message::Changes { document: target.id, header: target.header.clone(), changes }
}

/// Why each change of an import did not go in.
pub fn reasons(report: &ImportReport) -> Vec<Refusal> {
    report.quarantined.iter().map(|entry| entry.reason.clone()).collect()
}

/// Everything that a device would send to one that has nothing.
pub fn messages(device: &Device) -> Vec<Message> {
    let mut export = device.store.exchange().export(None).unwrap();
    let mut splitter = Splitter::default();
    loop {
        let bytes = export.next(1 << 20).unwrap();
        if bytes.is_empty() {
            break;
        }
        splitter.push(&bytes);
    }
    let mut messages = Vec::new();
    while let Some(message) = splitter.next_message().unwrap() {
        messages.extend(Message::decode(&message).unwrap());
    }
    messages
}

/// The first document of a kind, with all its changes.
pub fn document_of(device: &Device, kind: Kind) -> (Target, Vec<SignedChange>) {
    documents_of(device, kind).remove(0)
}

/// The documents of a kind, with all their changes.
pub fn documents_of(device: &Device, kind: Kind) -> Vec<(Target, Vec<SignedChange>)> {
    let mut found: Vec<(Target, Vec<SignedChange>)> = Vec::new();
    for message in messages(device) {
        let (document, header, changes) = match message {
            Message::Changes { document, header, changes } => (document, header, changes),
            Message::Snapshot { document, header, chunk, certificates, signatures } => {
                let (changes, _) = take_apart(&header, &chunk, &certificates, &signatures).unwrap();
                (document, header, changes)
            }
            _ => continue,
        };
        if header.kind == kind.code() {
            match found.iter_mut().find(|(target, _)| target.id == document) {
                Some((_, all)) => all.extend(changes),
                None => found.push((Target { id: document, header }, changes)),
            }
        }
    }
    found
}

/// A document as the engine loads it, from the changes that stand in an export.
pub fn loaded(kind: Kind, changes: &[SignedChange]) -> Automerge {
    let mut bytes = kind.genesis_bytes().to_vec();
    changes.iter().for_each(|change| bytes.extend(&change.chunk));
    Automerge::load(&bytes).unwrap()
}

/// What every honest import leaves as it is: rows, and documents as they load.
pub fn state(device: &Device) -> (Vec<String>, Vec<Vec<u8>>) {
    let mut files = Vec::new();
    device
        .store
        .dump_documents(|document| {
            files.push(document.file);
            Ok(())
        })
        .unwrap();
    (device.rows(), files)
}

fn certificate_in(answer: &[u8], keys: &DeviceKeys) -> [u8; 32] {
    let mut reader = Reader::array(answer, 2).unwrap();
    reader.unsigned().unwrap();
    let count = reader.nested().unwrap();
    certificate_among((0..count).map(|_| reader.bytes().unwrap()), keys)
}

/// The certificate of a device among records.
fn certificate_among<'a>(records: impl Iterator<Item = &'a [u8]>, keys: &DeviceKeys) -> [u8; 32] {
    let mut bodies = records.map(|record| Signed::decode(record).unwrap().record.body);
    bodies
        .find_map(|body| match body {
            RecordBody::Certificate(own) if own.device == keys.device_id() => Some(own.hash()),
            _ => None,
        })
        .unwrap()
}

/// A document before anybody wrote into it, as the engine loads it.
pub fn empty(kind: Kind) -> Automerge {
    assert!(Document::new(kind).is_ok());
    loaded(kind, &[])
}
