//! Words that stand nowhere but in a case, requests that are full of them, and ears for what is said aloud.

use std::sync::Mutex;

use caseplan_core::case::{
    Case, CaseChange, NewCase, NewParticipant, NewPerson, Origin, Participant, ParticipantRole,
};
use caseplan_core::contact::{Attribution, ContactDraft, Outcome, OutcomeCode, OutcomeReason};
use caseplan_core::store::{ListenerFailed, LogEntry, LogSink};
use caseplan_core::visitation::{
    CourtOrder, Mandate, NewVisitationPlan, OccurrenceRef, PartyRef, Supervision, SupervisionLevel,
};

use crate::support::{Device, day, weekly};

/// Names, places, references, texts: one for each field of the story.
pub const SECRETS: [&str; 24] = [
    "Zerbinette",
    "Quasimodo",
    "Cendrillon",
    "Gargantua",
    "Pantagruel",
    "Esmeralda",
    "Rastignac",
    "Bovary",
    "Javert",
    "Cosette",
    "Fantine",
    "Gavroche",
    "Thenardier",
    "Myriel",
    "Tournelles",
    "Combeferre",
    "Enjolras",
    "Courfeyrac",
    "Jehanprouvaire",
    "Feuilly",
    "Bahorel",
    "Grantaire",
    "Gillenormand",
    "Fauchelevent",
];

pub fn secret(at: usize) -> String {
    SECRETS[at].to_owned()
}

/// Everything that a store says to a log.
#[derive(Default)]
pub struct Journal(Mutex<Vec<LogEntry>>);

impl Journal {
    pub fn entries(&self) -> Vec<LogEntry> {
        self.0.lock().unwrap().clone()
    }
}

impl LogSink for Journal {
    fn log(&self, entry: &LogEntry) -> Result<(), ListenerFailed> {
        self.0.lock().unwrap().push(entry.clone());
        Ok(())
    }
}

/// Everything that was said.
#[derive(Default)]
pub struct Said {
    lines: Vec<String>,
    pub refusals: usize,
}

impl Said {
    /// An error as it is shown and as it is debugged. What is no error is a fault of the story.
    pub fn hears<T, E: std::error::Error>(&mut self, what: &str, result: Result<T, E>) {
        let Err(error) = result else { panic!("not refused: {what}") };
        self.refusals += 1;
        self.hears_that(&format!("{what}: {error} {error:?}"));
    }

    pub fn hears_that(&mut self, line: &str) {
        self.lines.push(line.to_owned());
    }

    /// Lines that hold a word of the case, whole or its first six letters, in any case.
    pub fn secrets(&self) -> Vec<String> {
        let words: Vec<String> = SECRETS.iter().map(|word| word[..6].to_lowercase()).collect();
        let tells = |line: &&String| {
            let line = line.to_lowercase();
            words.iter().any(|word| line.contains(word))
        };
        self.lines.iter().filter(tells).cloned().collect()
    }
}

/// The ways in which a line of text can be wrong, a secret in each.
pub fn wrong_lines(at: usize) -> [String; 2] {
    [SECRETS[at].repeat(400), format!("{}\u{7}{}", SECRETS[at], SECRETS[at])]
}

pub fn new_case() -> NewCase {
    NewCase {
        reference: secret(0),
        case_type: Some(secret(1)),
        primary_client: NewPerson { name: secret(2), born: Some(day("2019-04-02")) },
        assigned_worker: None,
        team: Some(secret(3)),
        opened_on: None,
        origin: Some(Origin {
            source: secret(4),
            external_id: secret(5),
            recorded_by: Some(secret(6)),
            recorded_at: None,
        }),
    }
}

pub fn participant() -> NewParticipant {
    NewParticipant {
        person: NewPerson { name: secret(7), born: None },
        role: ParticipantRole::Unknown { raw: secret(8) },
        from: None,
        origin: None,
    }
}

pub fn change() -> CaseChange {
    CaseChange { case_type: Some(secret(9)), team: Some(secret(10)), ..CaseChange::default() }
}

pub fn case(device: &Device) -> (Case, Participant) {
    let case = device.store.cases().create(&new_case()).unwrap();
    let ana = device.store.cases().add_participant(case.id, &participant()).unwrap();
    (device.store.cases().change(case.id, &change()).unwrap(), ana)
}

pub fn order() -> CourtOrder {
    CourtOrder { reference: secret(11), on: day("2026-03-01"), court: Some(secret(12)) }
}

pub fn plan(case: &Case, visitor: &Participant) -> NewVisitationPlan {
    NewVisitationPlan {
        mandate: Mandate::CourtOrdered { order: order() },
        place: Some(secret(13)),
        supervision: Some(Supervision {
            level: SupervisionLevel::Supervised,
            supervisor: Some(PartyRef::Participant(visitor.id)),
            reason: Some(secret(14)),
        }),
        purpose: Some(secret(15)),
        conditions: Some(secret(16)),
        transport: Some(secret(17)),
        excluded: Some(secret(18)),
        ..weekly(case, visitor)
    }
}

/// A draft with something in every field, on disk.
pub fn filled(device: &Device, occurrence: OccurrenceRef, ana: &Participant) -> ContactDraft {
    let draft = device.drafted(occurrence, SECRETS[19]);
    let draft = ContactDraft {
        outcome: Some(Outcome {
            code: OutcomeCode::EndedEarly,
            attributed_to: Some(Attribution::Visitor),
            reason: Some(OutcomeReason::Illness),
            notice_hours: None,
            comment: Some(secret(20)),
        }),
        place: Some(secret(21)),
        purposes: vec![secret(22)],
        conducted_by: Some(PartyRef::Participant(ana.id)),
        narrative: format!("{} and {}", SECRETS[19], SECRETS[23]),
        ..draft
    };
    device.store.contacts().save_draft(&draft).unwrap()
}
