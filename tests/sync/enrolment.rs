//! Taking devices in: what an invitation says counts, who may not invite is told, and a slow connection is waited for.

use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use caseplan_core::Error;
use caseplan_core::exchange::CancelToken;
use caseplan_core::identity::{JoiningRefused, Role};
use caseplan_core::lan::{self, Listener, Stream};
use caseplan_core::sync::Invited;
use caseplan_core::sync::enrolment::{EnrolmentFailed, Terms};

use crate::support::{Device, new_case};

fn terms(worker: &str, roles: &[Role], level: u8) -> Terms {
    Terms { worker: worker.parse().unwrap(), roles: roles.to_vec(), level }
}

fn invited(by: &Device, terms: Terms) -> Invited {
    by.store.sync().invite_by_qr(terms, None).unwrap()
}

/// One attempt, as two people would make it: what each side has in the end. A connection may break before the answer comes.
fn attempt(
    invited: &Invited,
    newcomer: &Device,
    breaks: bool,
) -> (caseplan_core::Result<()>, caseplan_core::Result<()>) {
    let mut joining = newcomer.store.sync().join(&invited.qr().unwrap().unwrap(), "a phone").unwrap();
    let mut taking = invited.take_in().unwrap();
    for _ in 0..16 {
        let accepted = match taking.feed(&joining.take(usize::MAX)) {
            Ok(Some(_)) => Some(taking.accept()),
            Ok(None) => None,
            Err(refused) => Some(Err(refused)),
        };
        if let (true, Some(accepted)) = (breaks, &accepted) {
            return (accepted.clone(), joining.closed());
        }
        match (joining.feed(&taking.take(usize::MAX)), accepted) {
            (Ok(false), None) => {}
            (Ok(false), Some(accepted)) => return (accepted, joining.closed()),
            (joined, accepted) => return (accepted.unwrap_or(Ok(())), joined.map(drop)),
        }
    }
    panic!("an attempt that never ends")
}

#[test]
fn the_newest_invitation_says_what_a_device_may_also_where_an_older_one_was_answered() {
    let desk = Device::new("desk", "w-1");
    let newcomer = Device::new("newcomer", "w-204");
    let first = invited(&desk, terms("w-204", &[Role::Administrator], 5));
    let closed = Err(Error::Enrolment(EnrolmentFailed::Closed));
    assert_eq!(attempt(&first, &newcomer, true), (Ok(()), closed));
    // That was a mistake, which nobody but the desk has heard of.
    let second = invited(&desk, terms("w-204", &[Role::Caseworker], 2));
    assert_eq!(attempt(&second, &newcomer, false), (Ok(()), Ok(())));
    for device in [&desk, &newcomer] {
        let devices = device.store.identity().devices().unwrap();
        let is = |worker: &str| devices.iter().find(|device| device.worker.as_str() == worker).unwrap();
        assert_eq!((is("w-204").roles.as_slice(), is("w-204").level), ([Role::Caseworker].as_slice(), 2));
    }
    let before = desk.store.identity().devices().unwrap();
    let third = invited(&desk, terms("w-204", &[Role::Caseworker], 2));
    assert_eq!(attempt(&third, &newcomer, false), (Ok(()), Ok(())));
    assert_eq!(desk.store.identity().devices().unwrap(), before, "nothing changed");
    let until = Some("2026-12-31T00:00:00Z".parse().unwrap());
    let fourth = desk.store.sync().invite_by_qr(terms("w-204", &[Role::Caseworker], 2), until).unwrap();
    assert_eq!(attempt(&fourth, &newcomer, false), (Ok(()), Ok(())));
    let ends =
        newcomer.store.identity().devices().unwrap().into_iter().filter(|device| device.not_after == until);
    assert_eq!(ends.count(), 1);
}

#[test]
fn a_device_of_another_worker_is_declined_before_it_is_certified() {
    let desk = Device::new("desk", "w-1");
    let newcomer = Device::new("newcomer", "w-204");
    let mistyped = invited(&desk, terms("w-240", &[Role::Caseworker], 1));
    let (taken, joined) = attempt(&mistyped, &newcomer, false);
    assert_eq!(taken, Err(Error::Joining(JoiningRefused::OtherWorker)));
    assert_eq!(joined, Err(Error::Enrolment(EnrolmentFailed::Declined)));
    assert_eq!(desk.store.identity().devices().unwrap().len(), 1);
    let right = invited(&desk, terms("w-204", &[Role::Caseworker], 1));
    assert_eq!(attempt(&right, &newcomer, false), (Ok(()), Ok(())));
}

#[test]
fn who_may_not_certify_invites_nobody() {
    let desk = Device::new("desk", "w-1");
    let phone = desk.enrol("phone", "w-204");
    let sync = phone.store.sync();
    for refused in [
        sync.invite_by_qr(terms("w-9", &[Role::Caseworker], 1), None).err(),
        sync.invite_by_code(terms("w-9", &[Role::Caseworker], 1), None).err(),
    ] {
        assert_eq!(refused, Some(Error::Joining(JoiningRefused::NotAnIssuer)));
    }
    for level in [0, 6] {
        let refused = desk.store.sync().invite_by_qr(terms("w-9", &[Role::Caseworker], level), None);
        assert_eq!(refused.err(), Some(Error::Joining(JoiningRefused::Level)));
    }
}

#[test]
fn what_is_typed_or_scanned_is_told_from_what_is_newer() {
    let phone = Device::new("phone", "w-204");
    let join = |text: &str, name: &str| phone.store.sync().join(text, name).map(drop);
    let failed = |failed: EnrolmentFailed| Err(Error::Enrolment(failed));
    assert_eq!(join("CASEPLAN2:xyz", "a phone"), failed(EnrolmentFailed::Newer));
    assert_eq!(join("CASEPLAN1:xyz", "a phone"), failed(EnrolmentFailed::Malformed));
    assert_eq!(join("no code", "a phone"), failed(EnrolmentFailed::Malformed));
    assert_eq!(join("0000-0000", " Ana's phone "), Ok(()), "what surrounds a name is none of it");
    for name in ["", "  ", "a\u{200b}phone", &"फ".repeat(22)] {
        assert_eq!(join("0000-0000", name), Err(Error::invalid("device_name", "format")));
    }
}

/// A connection on which each write takes longer than anybody lingers at the end of one.
struct Slow(TcpStream);

impl Stream for Slow {
    fn read(&self, buffer: &mut [u8]) -> std::io::Result<usize> {
        Stream::read(&self.0, buffer)
    }

    fn write_all(&self, bytes: &[u8]) -> std::io::Result<()> {
        thread::sleep(Duration::from_millis(2_500));
        Stream::write_all(&self.0, bytes)
    }

    fn finish(&self) {
        Stream::finish(&self.0);
    }

    fn close(&self) {
        Stream::close(&self.0);
    }
}

#[test]
fn an_answer_has_the_time_that_a_slow_connection_takes() {
    let (desk, newcomer) = (Device::new("desk", "w-1"), Device::new("newcomer", "w-204"));
    let invited = invited(&desk, terms("w-204", &[Role::Caseworker], 1));
    let joining = newcomer.store.sync().join(&invited.qr().unwrap().unwrap(), "a phone").unwrap();
    let (listener, cancel) = (Listener::bind("127.0.0.1:0").unwrap(), CancelToken::default());
    let address = listener.address().unwrap();
    thread::scope(|scope| {
        let joined =
            scope.spawn(move || lan::join(joining, &lan::reach(address).unwrap(), &CancelToken::default()));
        let (stream, _) = listener.next(None, &cancel).unwrap().unwrap();
        let taken = lan::take_in(invited.take_in().unwrap(), &Slow(stream), &cancel, &mut |_| true);
        assert!(taken.unwrap().1);
        assert_eq!(joined.join().unwrap(), Ok(()));
    });
}

#[test]
fn a_store_that_signed_with_many_certificates_while_it_was_alone_joins_with_all_of_it() {
    let (agency, alone) = (Device::new("agency", "w-1"), Device::new("alone", "w-204"));
    let identity = alone.store.identity();
    for number in 0..20 {
        identity.change_roles(identity.device(), &[Role::Caseworker], 1 + number % 5).unwrap();
        alone.store.cases().create(&new_case(&format!("2026-{number}"), "Hugo Petit")).unwrap();
    }
    let answer = agency.store.identity().certify(&identity.request().unwrap(), &[Role::Caseworker], 1, None);
    identity.adopt(&answer.unwrap()).unwrap();
    assert_eq!(alone.hand_to(&agency).quarantined, []);
    assert_eq!(agency.rows(), alone.rows());
}
