//! An agency's existing case goes in whole or not at all, and what came from elsewhere is known by its id there.

use caseplan_core::Error;
use caseplan_core::case::{CaseImport, NewCase, NewParticipant, NewPerson, Origin, ParticipantRole};
use caseplan_core::ids::CaseId;

use crate::support::{Device, new_case};

fn from(external_id: &str) -> Option<Origin> {
    Some(Origin {
        source: "old".to_owned(),
        external_id: external_id.to_owned(),
        recorded_by: Some("M. Durand".to_owned()),
        recorded_at: None,
    })
}

fn somebody(name: &str, external_id: &str) -> NewParticipant {
    let person = NewPerson { name: name.to_owned(), born: None };
    NewParticipant { person, role: ParticipantRole::Sibling, from: None, origin: from(external_id) }
}

/// Opens a case with a child, and adds a brother of this name.
fn family(import: &mut CaseImport<'_, '_>, brother: &str) -> Result<CaseId, Error> {
    let new = NewCase { origin: from("C-1"), ..new_case("2025-0431", "Léa Martin") };
    let case = import.create(&new, &somebody("Léa Martin", "P-1"))?;
    import.add_participant(case.id, &somebody(brother, "P-2"))?;
    Ok(case.id)
}

#[test]
fn a_case_whose_last_step_fails_leaves_nothing_behind() {
    let phone = Device::new("phone", "w-117");
    let before = phone.rows();
    let refused = phone.store.cases().import(|import| family(import, " "));
    assert_eq!(refused.unwrap_err(), Error::invalid("person.name", "empty"));
    assert_eq!(phone.rows(), before);
    let case = phone.store.cases().import(|import| family(import, "Noé Martin")).unwrap();
    let held = phone.store.cases().get(case).unwrap().unwrap();
    assert_eq!(held.participants.len(), 2);
    assert_eq!(held.participant(held.primary_client).unwrap().role, ParticipantRole::Sibling);
}

#[test]
fn what_was_imported_is_found_by_its_id_there_within_the_import_and_after() {
    let phone = Device::new("phone", "w-117");
    let inside = phone.store.cases().import(|import| {
        let case = family(import, "Noé Martin")?;
        assert_eq!(import.case("old", "C-1")?, Some(case));
        import.participant("old", "P-2")
    });
    assert_eq!(phone.store.cases().imported_participant("old", "P-2"), inside);
    assert!(phone.store.cases().imported_participant("old", "P-1").unwrap().is_some());
    assert_eq!(phone.store.cases().imported("elsewhere", "C-1").unwrap(), None);
}

#[test]
fn an_import_is_called_so_in_the_event_log_and_an_origin_needs_an_id() {
    let phone = Device::new("phone", "w-117");
    let case = phone.store.cases().import(|import| family(import, "Noé Martin")).unwrap();
    let events = phone.store.history().events(case, None, 10).unwrap();
    let codes: Vec<String> = events.events.into_iter().map(|event| event.code).collect();
    assert_eq!(codes, ["case.import", "case.import"]);
    let nameless = phone.store.cases().import(|import| {
        import.add_participant(case, &somebody("Zoé Martin", " ")).map(|participant| participant.id)
    });
    assert_eq!(nameless.unwrap_err(), Error::invalid("origin.external_id", "empty"));
}
