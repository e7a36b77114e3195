//! A newer app on a worker's tablet: it records contacts at a level above 1, which no command of this version does.

use caseplan_core::contact::ContactKind;
use caseplan_core::contact::drafts::DraftStart;
use caseplan_core::contact::fields::contact_fields;
use caseplan_core::document::layout::contact_log::CONTACTS;
use caseplan_core::document::{Document, Edit, FieldPath, Kind, Stamp, raw_chunk};
use caseplan_core::exchange::message::Message;
use caseplan_core::identity::founding::{Founding, Header, log_name};
use caseplan_core::identity::{Role, Scope};
use caseplan_core::ids::{CaseId, ContactId, ScopeId, uuid8};
use caseplan_core::visitation::PartyRef;

use super::hostile::{Hostile, Target, changes_of, imported, messages};
use super::link::take_in_at;
use super::{Device, MONDAY, at};

/// A contact that stands at a level of a case.
pub struct AtLevel {
    pub scope: ScopeId,
    pub log: Target,
    pub contact: ContactId,
}

/// A worker's second device, whose certificate reaches every level: what it writes is signed by its own keys.
pub fn newer_tablet(phone: &Device) -> Hostile {
    let tablet = Device::new("newer-tablet", &phone.worker);
    take_in_at(&phone.store, &tablet.store, &phone.worker, &[Role::Caseworker], 5);
    Hostile::with(tablet)
}

impl Hostile {
    /// Founds a level of a case that a phone holds, with one contact in it, and brings it to the phone.
    pub fn records_at(&self, phone: &Device, case: CaseId, level: u8, narrative: &str) -> AtLevel {
        let scope = Scope::Level(level).id(case);
        let log = Target::of(Header::new(scope, Kind::ContactLog, log_name(case.as_bytes(), 2026, 0)));
        let contact = ContactId(uuid8([level; 16]));
        let contact_made = self.contact(phone, case, contact, narrative);
        self.brings(phone, vec![founded_at(phone, case, level)], &log, contact_made);
        AtLevel { scope, log, contact }
    }

    /// Keeps a remark on the case itself at the level of something that is there, in a field of its own.
    pub fn remarks_at(&self, phone: &Device, case: CaseId, beside: &AtLevel, remark: &str) {
        let document = Target::of(Header::new(beside.scope, Kind::Case, case.as_bytes().to_vec()));
        let edit = Edit::put(FieldPath::flat("case", "court"), remark);
        let made = self.first_change(Kind::Case, edit, "case.change", 2);
        self.brings(phone, Vec::new(), &document, made);
    }

    /// Brings a document's first change, which a phone takes in, with what is to be known before it.
    fn brings(&self, phone: &Device, known: Vec<Message>, document: &Target, change: Vec<u8>) {
        let changes = changes_of(document, vec![self.signs(document, change)]);
        let brought = [vec![self.hello()], known, vec![changes, Message::End]].concat();
        let report = imported(phone, &brought);
        assert_eq!((report.accepted, report.quarantined), (1, Vec::new()), "{document:?}");
    }

    fn first_change(&self, kind: Kind, edit: Edit, code: &'static str, actor: u8) -> Vec<u8> {
        let stamp = Stamp { code, command: None, actor: self.actor(actor), time: at(MONDAY).timestamp() };
        let made = Document::new(kind).unwrap().commit(&[edit], stamp).unwrap().unwrap();
        raw_chunk(&made.stored).unwrap()
    }

    /// The first change of a log: it records a contact.
    fn contact(&self, phone: &Device, case: CaseId, id: ContactId, narrative: &str) -> Vec<u8> {
        let start = DraftStart::InCase { case_id: case, kind: ContactKind::FamilyVisit };
        let mut draft = phone.store.contacts().start_draft(&start).unwrap();
        phone.store.contacts().discard_draft(draft.id).unwrap();
        draft.outcome = Some(super::occurred());
        draft.narrative = narrative.to_owned();
        let worker = PartyRef::User(phone.worker.parse().unwrap());
        let contact = Edit::create(CONTACTS, id, contact_fields(&draft, &worker).unwrap());
        self.first_change(Kind::ContactLog, contact, "contact.complete", 1)
    }
}

/// What introduces a level of a case: the founding record that the case's founder signed.
fn founded_at(phone: &Device, case: CaseId, of: u8) -> Message {
    let mut said = messages(phone).into_iter();
    said.find_map(|message| match message {
        Message::Scope { founding, signature, certificate, .. }
            if Founding::decode(&founding).unwrap().case_id() == case =>
        {
            Some(Message::Scope { founding, signature, certificate, level: of, plan: Vec::new() })
        }
        _ => None,
    })
    .unwrap()
}
