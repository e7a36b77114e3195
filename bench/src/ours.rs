//! Our side: a store with cases and contacts, and contact logs without a store.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use caseplan_core::case::{NewCase, NewParticipant, NewPerson, ParticipantRole};
use caseplan_core::contact::fields::contact_fields;
use caseplan_core::contact::{
    Attendance, AttendanceStatus, ContactDraft, ContactKind, ContactTime, Outcome, OutcomeCode, PlannedVisit,
};
use caseplan_core::document::layout::contact_log::CONTACTS;
use caseplan_core::document::{Document, Edit, Kind, NewChange, Stamp};
use caseplan_core::identity::FileVault;
use caseplan_core::ids::{Actor, CaseId, ContactId, DeviceId, DraftId, ParticipantId, VisitationPlanId};
use caseplan_core::random::SystemRandom;
use caseplan_core::storage::Location;
use caseplan_core::testing::FixedClock;
use caseplan_core::time::{Instant, Zone, from_unix};
use caseplan_core::visitation::{
    ContactMethod, Mandate, NewVisitationPlan, PartyRef, Schedule, VisitationPlan,
};
use caseplan_core::{Store, StoreConfig};
use chrono::Duration;
use uuid::Uuid;

/// A moment in March 2026, a Saturday at 14:00 in Paris.
const START: i64 = 1_772_888_400;

/// A store in a folder.
pub struct Ours {
    pub store: Store,
    folder: PathBuf,
}

/// A case with one visitation plan.
#[derive(Clone, Copy)]
pub struct Family {
    pub case: CaseId,
    pub child: ParticipantId,
    pub mother: ParticipantId,
    pub plan: VisitationPlanId,
}

impl Ours {
    /// Opens the store in a folder, or makes it.
    pub fn open(folder: &Path) -> Self {
        let clock = Arc::new(FixedClock::at(from_unix(START) + Duration::days(200)));
        let config = StoreConfig {
            location: Location::File(folder.join("store.db")),
            worker: "w-117".parse().unwrap(),
            zone: paris(),
            clock,
            random: Arc::new(SystemRandom),
            log: None,
        };
        let vault = Arc::new(FileVault::open(&folder.join("keys")).unwrap());
        Self { store: Store::open(config, vault).unwrap(), folder: folder.to_owned() }
    }

    pub fn file(&self) -> PathBuf {
        self.folder.join("store.db")
    }

    pub fn family(&self, number: usize) -> Family {
        let new = NewCase {
            reference: format!("2026-{number:05}"),
            case_type: None,
            primary_client: NewPerson {
                name: format!("Léa Martin {number}"),
                born: Some("2019-04-02".parse().unwrap()),
            },
            assigned_worker: None,
            team: Some("Nord".to_owned()),
            opened_on: None,
            origin: None,
        };
        let case = self.store.cases().create(&new).unwrap();
        let mother = NewParticipant {
            person: NewPerson { name: format!("Ana Martin {number}"), born: None },
            role: ParticipantRole::Parent,
            from: None,
            origin: None,
        };
        let mother = self.store.cases().add_participant(case.id, &mother).unwrap().id;
        let plan = NewVisitationPlan {
            mandate: Mandate::MutuallyAgreed { on: None },
            to_visit: vec![PartyRef::Participant(case.primary_client)],
            visitors: vec![PartyRef::Participant(mother)],
            schedule: Schedule::Rule {
                rule: "FREQ=WEEKLY".to_owned(),
                starts_at: "2026-03-07T14:00:00".parse().unwrap(),
                zone: paris(),
            },
            minutes: Some(120),
            methods: vec![ContactMethod::InPerson],
            place: Some("Maison de la famille, salle 2".to_owned()),
            supervision: None,
            purpose: None,
            conditions: None,
            transport: None,
            excluded: None,
            start: None,
            end: None,
            min_age: None,
            max_age: None,
            as_draft: false,
            origin: None,
        };
        let plan = self.store.visitation_plans().create(case.id, &plan).unwrap().plan.id;
        Family { case: case.id, child: case.primary_client, mother, plan }
    }

    /// The first family of a store that was made before.
    pub fn first_family(&self) -> Family {
        Self::family_of(self.store.visitation_plans().list(None).unwrap().remove(0).plan)
    }

    /// The family that a plan is for.
    pub fn family_of(plan: VisitationPlan) -> Family {
        let party = |parties: &[caseplan_core::visitation::PlanParty]| match &parties[0].party {
            PartyRef::Participant(id) => *id,
            PartyRef::User(_) => panic!("a user in a family"),
        };
        Family {
            case: plan.case_id,
            child: party(&plan.to_visit),
            mother: party(&plan.visitors),
            plan: plan.id,
        }
    }

    /// Records visits, the first of them the one of this number.
    pub fn record(&self, family: &Family, from: usize, count: usize) {
        for number in from..from + count {
            self.store.contacts().record(&draft(family, number)).unwrap();
        }
    }
}

/// A family of no store.
pub fn nobody() -> Family {
    let id = Uuid::new_v4;
    Family {
        case: CaseId(id()),
        child: ParticipantId(id()),
        mother: ParticipantId(id()),
        plan: VisitationPlanId(id()),
    }
}

pub fn paris() -> Zone {
    "Europe/Paris".parse().unwrap()
}

/// A visit: ten scalars, three people, a narrative of about 600 characters. One a day, back from March 2026.
pub fn draft(family: &Family, number: usize) -> ContactDraft {
    let start: Instant = from_unix(START) + Duration::days(-(number as i64));
    let present = |party| Attendance {
        party,
        status: AttendanceStatus::Present,
        minutes_late: Some((number % 7) as u32),
        minutes_left_early: None,
    };
    ContactDraft {
        id: DraftId(Uuid::nil()),
        revision: 1,
        case_id: family.case,
        kind: ContactKind::FamilyVisit,
        planned: vec![PlannedVisit { plan: family.plan, occurrence: None }],
        outcome: Some(Outcome {
            code: OutcomeCode::Occurred,
            attributed_to: None,
            reason: None,
            notice_hours: None,
            comment: None,
        }),
        time: Some(ContactTime {
            day: paris().day_of(start),
            start: Some(start),
            end: Some(start + Duration::minutes(20)),
            zone: paris(),
        }),
        method: Some(ContactMethod::InPerson),
        place: Some("Maison de la famille, salle 2".to_owned()),
        attendance: vec![
            present(PartyRef::Participant(family.child)),
            present(PartyRef::Participant(family.mother)),
            present(PartyRef::User("w-208".parse().unwrap())),
        ],
        purposes: vec!["attachment".to_owned()],
        narrative: narrative(number),
        conducted_by: Some(PartyRef::User("w-208".parse().unwrap())),
        origin: None,
        saved_at: from_unix(0),
    }
}

const WORDS: &str = "Léa mother grandfather arrived late quietly played drawing table together garden laughed asked \
    about school brother asleep tired happy hesitated at first then read a book the worker noted calm parting hugged \
    promised to call on Sunday brought cake photographs birthday rain bus missed waited window toys blocks built tower \
    cried briefly consoled sang song lunch snack apple juice spoke of moving house new room cat doctor appointment";

/// About 600 characters of words in an order of their own.
fn narrative(number: usize) -> String {
    let words: Vec<&str> = WORDS.split_whitespace().collect();
    let mut dice = number as u64 + 1;
    let mut text = String::new();
    while text.len() < 600 {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        text.push_str(words[(dice >> 33) as usize % words.len()]);
        text.push(if dice.is_multiple_of(11) { '.' } else { ' ' });
    }
    text
}

/// A contact log and the changes that made it.
pub struct Log {
    pub document: Document,
    pub changes: Vec<NewChange>,
    family: Family,
    actor: Actor,
}

impl Log {
    pub fn new() -> Self {
        Self::of(Document::new(Kind::ContactLog).unwrap())
    }

    /// One more writer of a document.
    pub fn of(document: Document) -> Self {
        let actor = Actor::new(DeviceId(Uuid::new_v4()), [7; 8]);
        Self { document, changes: Vec::new(), family: nobody(), actor }
    }

    pub fn with(count: usize) -> Self {
        let mut log = Self::new();
        log.add(count);
        log
    }

    pub fn add(&mut self, count: usize) {
        for _ in 0..count {
            let number = self.changes.len();
            let draft = draft(&self.family, number);
            let conducted_by = draft.conducted_by.clone().unwrap();
            let fields = contact_fields(&draft, &conducted_by).unwrap();
            let edit = Edit::create(CONTACTS, ContactId(Uuid::new_v4()), fields);
            let stamp = Stamp {
                code: "contact.complete",
                command: None,
                actor: self.actor,
                time: START + number as i64,
            };
            self.changes.push(self.document.commit(&[edit], stamp).unwrap().unwrap());
        }
    }

    pub fn stored(&self, from: usize) -> Vec<Vec<u8>> {
        self.changes[from..].iter().map(|change| change.stored.clone()).collect()
    }
}
