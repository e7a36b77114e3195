//! Streams cut, torn, repeated and made up: what is whole in them goes in, and nothing is lost.

use caseplan_core::Error;
use caseplan_core::case::CaseChange;
use caseplan_core::exchange::ImportReport;
use caseplan_core::exchange::message::{MAX_MESSAGE, Message};

use crate::support::Device;
use crate::support::hostile::{Hostile, messages};

/// A phone with some work, a tablet with none, and all of that work as bytes.
fn stream() -> (Device, Device, Vec<u8>) {
    let phone = Device::new("phone", "w-117");
    let tablet = phone.enrol("tablet", "w-204");
    let (case, ana) = phone.lea("2026-0117");
    phone.saturdays(&case, &ana);
    for number in 0..5 {
        let change = CaseChange { team: Some(format!("team {number}")), ..CaseChange::default() };
        phone.store.cases().change(case.id, &change).unwrap();
    }
    let bytes = messages(&phone).iter().flat_map(Message::encode).collect();
    (phone, tablet, bytes)
}

fn imports(to: &Device, portions: &[&[u8]]) -> Result<ImportReport, Box<(Error, ImportReport)>> {
    let mut import = to.store.exchange().import().unwrap();
    for portion in portions {
        if let Err(error) = import.feed(portion) {
            return Err(Box::new((error, import.finish())));
        }
    }
    Ok(import.finish())
}

#[test]
fn bytes_may_come_one_at_a_time_and_twice() {
    let (phone, tablet, bytes) = stream();
    let portions: Vec<&[u8]> = bytes.chunks(1).collect();
    let report = imports(&tablet, &portions).unwrap();
    assert!(report.complete && report.accepted == 8 && report.received == 8, "{report:?}");
    assert_eq!(phone.rows(), tablet.rows());
    let again = imports(&tablet, &[&bytes]).unwrap();
    assert_eq!((again.known, again.accepted, again.complete), (8, 0, true));
    assert_eq!(phone.rows(), tablet.rows());
    let own = imports(&phone, &[&bytes]).unwrap();
    assert_eq!((own.known, own.accepted), (8, 0), "what comes back changes nothing");
}

#[test]
fn a_stream_that_is_cut_anywhere_keeps_what_was_whole_and_goes_on() {
    let (phone, _, bytes) = stream();
    for cut in (0..bytes.len()).step_by(97) {
        let tablet = phone.enrol(&format!("tablet {cut}"), "w-204");
        let report = imports(&tablet, &[&bytes[..cut]]).unwrap();
        assert!(!report.complete);
        let held = tablet.store.info().unwrap().changes;
        assert_eq!(held, report.accepted, "what was reported is there");
        let rest = phone.hand_to(&tablet);
        assert_eq!((rest.accepted, rest.known), (8 - held, 0), "only what is missing is sent");
        assert_eq!(phone.store.exchange().digest(), tablet.store.exchange().digest());
    }
}

#[test]
fn lengths_types_and_orders_that_make_no_sense_end_the_import() {
    let (phone, tablet, bytes) = stream();
    let before = tablet.rows();
    let format = Error::NotAnExport { reason: "format" };
    let over = ((MAX_MESSAGE + 1) as u32).to_be_bytes();
    for absurd in [[0; 4].as_slice(), &[0xff; 4], &over] {
        assert_eq!(imports(&tablet, &[absurd]).unwrap_err().0, format);
    }
    // CBOR that claims more than there is.
    for body in [
        &[4, 0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff][..],
        &[2, 0x81, 0x9a, 0xff, 0, 0, 0],
        &[3],
    ] {
        let hello = Message::Hello {
            domain: phone.store.identity().domain(),
            device: phone.store.identity().device(),
        };
        let message = [&(body.len() as u32).to_be_bytes(), body].concat();
        assert_eq!(imports(&tablet, &[&hello.encode(), &message]).unwrap_err().0, format);
    }
    let order = imports(&tablet, &[&Message::End.encode()]).unwrap_err().0;
    assert_eq!(order, Error::NotAnExport { reason: "order" });
    let stranger = Device::new("stranger", "w-1");
    let foreign = imports(&stranger, &[&bytes]).unwrap_err().0;
    assert_eq!(foreign, Error::NotAnExport { reason: "domain" });
    assert_eq!(stranger.store.info().unwrap().changes, 0);
    assert_eq!(tablet.rows(), before);

    // Nothing more is taken after a fault, and nothing after the end.
    let mut import = tablet.store.exchange().import().unwrap();
    assert!(import.feed(&[0xff; 8]).is_err());
    assert_eq!(import.feed(&bytes), Err(Error::NotAnExport { reason: "finished" }));
    let mut import = tablet.store.exchange().import().unwrap();
    import.feed(&bytes).unwrap();
    assert_eq!(import.feed(&bytes), Err(Error::NotAnExport { reason: "finished" }));
    assert_eq!(phone.rows(), tablet.rows());
}

#[test]
fn one_flipped_byte_in_a_stream_loses_at_most_what_it_stands_in() {
    let (phone, _, bytes) = stream();
    for at in (0..bytes.len()).step_by(41) {
        let tablet = phone.enrol(&format!("tablet {at}"), "w-204");
        let mut torn = bytes.clone();
        torn[at] ^= 0x10;
        let report = imports(&tablet, &[&torn]).unwrap_or_else(|failed| {
            let (error, report) = *failed;
            assert!(matches!(error, Error::NotAnExport { .. }), "{at}: {error:?}");
            report
        });
        assert!(report.accepted <= 8);
        phone.meet(&tablet);
        assert_eq!(phone.rows().len(), tablet.rows().len(), "{at}");
        let verified = tablet.store.verify(|_| {}, &Default::default()).unwrap();
        assert!(verified.is_sound(), "{at}: {verified:?}");
    }
}

#[test]
fn a_canceled_import_keeps_what_was_committed_and_says_so() {
    let (phone, tablet, bytes) = stream();
    let cut = messages(&phone).iter().take(4).map(|message| message.encode().len()).sum();
    let mut import = tablet.store.exchange().import().unwrap();
    import.feed(&bytes[..cut]).unwrap();
    import.cancel_token().cancel();
    assert_eq!(import.feed(&bytes[cut..]), Err(Error::Canceled));
    let report = import.finish();
    assert!(report.canceled && !report.complete && report.accepted > 0 && report.accepted < 8, "{report:?}");
    assert_eq!(tablet.store.info().unwrap().changes, report.accepted);
    let mut export = phone.store.exchange().export(None).unwrap();
    export.next(10).unwrap();
    export.cancel_token().cancel();
    let rest = std::iter::from_fn(|| Some(export.next(1 << 20))).take(3).last().unwrap();
    assert_eq!(rest, Err(Error::Canceled));
    phone.meet(&tablet);
    assert_eq!(phone.rows(), tablet.rows());
}

#[test]
fn naming_documents_that_nobody_wrote_into_changes_no_figure() {
    let (phone, tablet, bytes) = stream();
    imports(&tablet, &[&bytes]).unwrap();
    let hostile = Hostile::enrolled_by(&phone);
    phone.meet(&tablet);
    let (target, changes) =
        crate::support::hostile::document_of(&phone, caseplan_core::document::Kind::VisitationPlan);
    let header = caseplan_core::exchange::message::DocumentHeader { name: vec![7; 16], ..target.header };
    let id = caseplan_core::identity::founding::Header {
        scope: header.scope,
        kind: header.kind.clone(),
        genesis: header.genesis,
        name: header.name.clone(),
    }
    .document_id();
    let report = hostile.sends(&tablet, &crate::support::hostile::Target { id, header }, changes);
    assert_eq!(report.accepted, 0);
    assert_eq!(phone.store.exchange().digest(), tablet.store.exchange().digest());
    phone.meet(&tablet);
    assert!(tablet.store.verify(|_| {}, &Default::default()).unwrap().is_sound());
}
