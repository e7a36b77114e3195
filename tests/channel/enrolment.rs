//! Taking in a new device: by QR code, by short code, and everything that can stand between.

use std::sync::Arc;

use caseplan_core::identity::Role;
use caseplan_core::ids::DeviceId;
use caseplan_core::sync::enrolment::{
    Answer, EnrolmentFailed, Invitation, InvitationBook, Inviter, LIFETIME, Newcomer, NotStored, Request,
    SKEW, ShortCode, TRIES, Terms, TryBook,
};
use caseplan_core::testing::SeededRandom;

use crate::wire::device;

pub const NOW: i64 = 1_767_225_600;
const PHONE: &str = "Léa's phone";

/// A book that is on disk: it outlives the attempts, as crashes leave it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Book {
    pub tries: u32,
    pub used_by: Option<DeviceId>,
    /// From now on the disk is full.
    pub full: bool,
}

impl TryBook for Book {
    fn count_try(&mut self) -> Result<u32, NotStored> {
        if self.full {
            return Err(NotStored);
        }
        self.tries += 1;
        Ok(self.tries)
    }
}

impl InvitationBook for Book {
    fn use_up(&mut self, device: DeviceId) -> Result<bool, NotStored> {
        if self.full {
            return Err(NotStored);
        }
        Ok(*self.used_by.get_or_insert(device) == device)
    }
}

pub fn terms() -> Terms {
    Terms { worker: "w-117".parse().unwrap(), roles: vec![Role::Caseworker], level: 3 }
}

pub fn seeded(seed: u64) -> Arc<SeededRandom> {
    Arc::new(SeededRandom::new(seed))
}

pub fn qr_invitation() -> Invitation {
    Invitation::by_qr(terms(), NOW, &SeededRandom::new(20)).unwrap()
}

pub fn code_invitation() -> Invitation {
    Invitation::by_code(terms(), NOW, &SeededRandom::new(20)).unwrap()
}

/// Device 1 invites.
pub fn inviter(invitation: &Invitation, seed: u64) -> Inviter {
    Inviter::new(&device(1), invitation, NOW + 10, seeded(seed)).unwrap()
}

pub fn scanning(number: u64, invitation: &Invitation, seed: u64) -> Newcomer {
    let qr = invitation.qr(&device(1)).unwrap().to_string().parse().unwrap();
    Newcomer::by_qr(&device(number), PHONE, Vec::new(), &qr, NOW + 20, &SeededRandom::new(seed)).unwrap()
}

pub fn typing(number: u64, code: &str, seed: u64) -> Newcomer {
    let code = code.parse().unwrap();
    Newcomer::by_code(&device(number), PHONE, Vec::new(), code, seeded(seed)).unwrap()
}

pub fn answer() -> Answer {
    Answer {
        anchor: vec![1; 180],
        chain: vec![vec![2; 250]],
        certificate: vec![3; 200],
        network_secret: vec![4; 40].into(),
    }
}

/// Carries bytes both ways until a request comes or one side is over: what happened at the inviter and the newcomer.
pub type Met = (Result<Option<Request>, EnrolmentFailed>, Result<Option<Answer>, EnrolmentFailed>);

pub fn meet(
    inviter: &mut Inviter,
    newcomer: &mut Newcomer,
    at_inviter: &mut Book,
    at_newcomer: &mut Book,
    portion: usize,
) -> Met {
    loop {
        newcomer.feed(&inviter.take(portion));
        let answer = newcomer.next(at_newcomer);
        if !matches!(answer, Ok(None)) {
            return (Ok(None), answer);
        }
        inviter.feed(&newcomer.take(portion));
        let request = inviter.next(NOW + 30, at_inviter);
        if matches!(request, Ok(Some(_))) {
            return (request, Ok(None));
        }
        if inviter.pending() + newcomer.pending() == 0 {
            // Whoever is over closes the connection.
            let answer = if request.is_err() { newcomer.closed().map(|()| None) } else { Ok(None) };
            return (request, answer);
        }
    }
}

fn enrol(mut inviter: Inviter, mut newcomer: Newcomer, portion: usize) {
    let (mut here, mut there) = (Book::default(), Book::default());
    let (request, _) = meet(&mut inviter, &mut newcomer, &mut here, &mut there, portion);
    let request = request.unwrap().unwrap();
    assert_eq!((request.device(), request.device_name.as_str()), (device(2).device_id(), PHONE));
    assert_eq!((request.ed25519, request.x25519), (device(2).ed25519(), device(2).x25519()));
    assert_eq!(request.fingerprint().len(), 19);
    assert_eq!(here.used_by, Some(device(2).device_id()), "stored before anybody is asked");
    inviter.answer(&answer()).unwrap();
    let (_, answered) = meet(&mut inviter, &mut newcomer, &mut here, &mut there, portion);
    assert_eq!(answered, Ok(Some(answer())));
    assert_eq!((inviter.closed(), newcomer.closed()), (Ok(()), Ok(())));
}

#[test]
fn a_phone_that_scans_the_code_is_taken_in_whatever_portions_the_wire_gives() {
    for portion in [1, 7, 1000, 100_000] {
        let invitation = qr_invitation();
        enrol(inviter(&invitation, 1), scanning(2, &invitation, 2), portion);
    }
}

#[test]
fn a_phone_that_is_told_the_code_is_taken_in_whatever_portions_the_wire_gives() {
    for portion in [1, 7, 1000, 100_000] {
        let invitation = code_invitation();
        let spoken = invitation.code().unwrap().to_string().to_lowercase().replace('-', " ");
        enrol(inviter(&invitation, 1), typing(2, &spoken, 2), portion);
    }
}

#[test]
fn a_store_that_was_used_alone_brings_its_own_records() {
    let invitation = qr_invitation();
    let qr = invitation.qr(&device(1)).unwrap();
    let random = SeededRandom::new(3);
    let mut newcomer = Newcomer::by_qr(&device(2), PHONE, vec![9; 5000], &qr, NOW, &random).unwrap();
    let mut books = (Book::default(), Book::default());
    let (request, _) = meet(&mut inviter(&invitation, 1), &mut newcomer, &mut books.0, &mut books.1, 500);
    assert_eq!(request.unwrap().unwrap().own_records, vec![9; 5000]);
}

#[test]
fn nothing_is_answered_before_a_person_confirmed() {
    let invitation = qr_invitation();
    let (mut inviter, mut newcomer) = (inviter(&invitation, 1), scanning(2, &invitation, 2));
    assert_eq!(inviter.answer(&answer()), Err(EnrolmentFailed::NotNow));
    let mut books = (Book::default(), Book::default());
    meet(&mut inviter, &mut newcomer, &mut books.0, &mut books.1, 1000).0.unwrap().unwrap();
    assert_eq!(inviter.pending(), 0);
    assert_eq!(inviter.next(NOW + 3000, &mut books.0), Ok(None), "the answer may take its time");
    inviter.decline().unwrap();
    assert_eq!(inviter.answer(&answer()), Err(EnrolmentFailed::NotNow));
    let (_, answered) = meet(&mut inviter, &mut newcomer, &mut books.0, &mut books.1, 1000);
    assert_eq!(answered, Err(EnrolmentFailed::Declined));
}

#[test]
fn an_invitation_takes_in_one_device_and_the_next_one_hears_why() {
    let invitation = qr_invitation();
    let mut here = Book::default();
    let first = (&mut inviter(&invitation, 1), &mut scanning(3, &invitation, 2));
    meet(first.0, first.1, &mut here, &mut Book::default(), 1000).0.unwrap().unwrap();
    // The bystander with the photograph came first: the right phone fails, and both people see it.
    let (mut second, mut right) = (inviter(&invitation, 3), scanning(2, &invitation, 4));
    let (request, answer) = meet(&mut second, &mut right, &mut here, &mut Book::default(), 1000);
    assert_eq!(request, Ok(None));
    assert_eq!(answer, Err(EnrolmentFailed::Used));
    assert_eq!(second.next(NOW, &mut here), Err(EnrolmentFailed::Used));
}

#[test]
fn the_same_device_comes_back_after_a_cut_connection() {
    let invitation = qr_invitation();
    let mut here = Book::default();
    for seed in [1, 2, 3] {
        let (mut inviter, mut newcomer) = (inviter(&invitation, seed), scanning(2, &invitation, seed + 10));
        let (request, _) = meet(&mut inviter, &mut newcomer, &mut here, &mut Book::default(), 1000);
        assert_eq!(request.unwrap().unwrap().device(), device(2).device_id());
        assert_eq!(newcomer.closed(), Err(EnrolmentFailed::Closed));
        assert_eq!(inviter.closed(), Err(EnrolmentFailed::Closed));
    }
}

#[test]
fn an_invitation_is_over_after_five_minutes() {
    let invitation = qr_invitation();
    let at = |now| Inviter::new(&device(1), &invitation, now, seeded(1)).err();
    assert_eq!((at(NOW + LIFETIME), at(NOW + LIFETIME + 1)), (None, Some(EnrolmentFailed::Expired)));
    let scanned = |now| {
        let qr = invitation.qr(&device(1)).unwrap();
        Newcomer::by_qr(&device(2), PHONE, Vec::new(), &qr, now, &SeededRandom::new(1)).err()
    };
    assert_eq!(scanned(NOW + LIFETIME + SKEW), None, "a clock that is ahead; the inviter decides");
    assert_eq!(scanned(NOW + LIFETIME + SKEW + 1), Some(EnrolmentFailed::Expired));
    // It runs out on the way.
    let (mut inviter, mut newcomer) = (inviter(&invitation, 1), scanning(2, &invitation, 2));
    let mut book = Book::default();
    let failed = loop {
        inviter.feed(&newcomer.take(usize::MAX));
        if let Err(failed) = inviter.next(NOW + LIFETIME + 1, &mut book) {
            break failed;
        }
        newcomer.feed(&inviter.take(usize::MAX));
        newcomer.next(&mut Book::default()).unwrap();
    };
    assert_eq!((failed, book.used_by), (EnrolmentFailed::Expired, None));
    newcomer.feed(&inviter.take(usize::MAX));
    assert_eq!(newcomer.next(&mut Book::default()), Err(EnrolmentFailed::Expired));
}

#[test]
fn who_stands_between_with_a_photograph_of_the_code_is_found_out_and_told_nothing() {
    let invitation = qr_invitation();
    // He has the secret, so his channel works, but not the inviter's key.
    let mut middle = Inviter::new(&device(66), &invitation, NOW, seeded(1)).unwrap();
    let mut newcomer = scanning(2, &invitation, 2);
    middle.feed(&newcomer.take(usize::MAX));
    assert_eq!(middle.next(NOW, &mut Book::default()), Ok(None));
    newcomer.feed(&middle.take(usize::MAX));
    assert_eq!(newcomer.next(&mut Book::default()), Err(EnrolmentFailed::WrongInviter));
    assert_eq!(newcomer.pending(), 0, "neither its key nor its request leaves");
}

#[test]
fn who_has_another_codes_secret_gets_no_answer() {
    let other = Invitation::by_qr(terms(), NOW, &SeededRandom::new(21)).unwrap();
    let mut inviter = inviter(&qr_invitation(), 1);
    inviter.feed(&scanning(2, &other, 2).take(usize::MAX));
    assert_eq!(inviter.next(NOW, &mut Book::default()), Err(EnrolmentFailed::NotInvited));
    assert_eq!(inviter.pending(), 0);
}

#[test]
fn wrong_codes_are_counted_over_all_connections_and_then_even_the_right_one_fails() {
    let invitation = code_invitation();
    let right = invitation.code().unwrap().to_string();
    let (mut here, mut there) = (Book::default(), Book::default());
    for try_number in 1..=TRIES {
        let wrong =
            Invitation::by_code(terms(), NOW, &SeededRandom::new(30 + u64::from(try_number))).unwrap();
        let wrong = wrong.code().unwrap().to_string();
        let (mut inviter, mut newcomer) =
            (inviter(&invitation, 1), typing(2, &wrong, 40 + u64::from(try_number)));
        let (request, answer) = meet(&mut inviter, &mut newcomer, &mut here, &mut there, 1000);
        let failed = EnrolmentFailed::WrongCode { left: TRIES - try_number };
        assert_eq!((request, answer), (Err(failed), Err(failed)));
        assert_eq!((here.tries, there.tries), (try_number, try_number));
    }
    // The newcomer's person has a fresh book, the inviter's has not.
    let (mut inviter, mut newcomer) = (inviter(&invitation, 1), typing(2, &right, 50));
    let (request, answer) = meet(&mut inviter, &mut newcomer, &mut here, &mut Book::default(), 1000);
    assert_eq!(request, Err(EnrolmentFailed::NoTriesLeft));
    assert_eq!(answer, Err(EnrolmentFailed::WrongCode { left: 2 }));
}

#[test]
fn a_newcomer_stops_answering_false_inviters_after_three() {
    let mut there = Book::default();
    for try_number in 1..=TRIES + 1 {
        // Each false inviter has another guess at the code that was spoken.
        let guess =
            Invitation::by_code(terms(), NOW, &SeededRandom::new(60 + u64::from(try_number))).unwrap();
        let mut newcomer = typing(2, "7K3M-0Z1A", 70);
        newcomer.feed(&inviter(&guess, 1).take(usize::MAX));
        let next = newcomer.next(&mut there);
        if try_number <= TRIES {
            assert_eq!(next, Ok(None));
            assert!(newcomer.pending() > 0);
        } else {
            assert_eq!((next, newcomer.pending()), (Err(EnrolmentFailed::NoTriesLeft), 0));
        }
    }
}

#[test]
fn a_crash_between_storing_a_try_and_answering_buys_no_further_guess() {
    let invitation = code_invitation();
    let (mut here, mut there) = (Book::default(), Book::default());
    for lost in 1..=TRIES {
        let (mut inviter, mut newcomer) = (inviter(&invitation, 1), typing(2, "7K3M-0Z1A", u64::from(lost)));
        newcomer.feed(&inviter.take(usize::MAX));
        newcomer.next(&mut there).unwrap();
        assert_eq!(there.tries, lost, "stored before the answer could be taken");
        inviter.feed(&newcomer.take(2 + 33));
        inviter.next(NOW, &mut here).unwrap();
        assert_eq!((here.tries, inviter.pending()), (lost, 0), "stored before there is an answer");
        // Both lose power here: attempts are gone, books stay.
    }
    let (mut again, mut newcomer) = (inviter(&invitation, 9), typing(2, "7K3M-0Z1A", 9));
    newcomer.feed(&again.take(usize::MAX));
    assert_eq!(newcomer.next(&mut there), Err(EnrolmentFailed::NoTriesLeft));
    let mut fresh = typing(3, &invitation.code().unwrap().to_string(), 10);
    let (request, _) = meet(&mut inviter(&invitation, 11), &mut fresh, &mut here, &mut Book::default(), 1000);
    assert_eq!(request, Err(EnrolmentFailed::NoTriesLeft));
}

#[test]
fn what_cannot_be_stored_is_not_answered() {
    let full = || Book { full: true, ..Book::default() };
    let invitation = code_invitation();
    let code = invitation.code().unwrap().to_string();
    let (mut one, mut other) = (inviter(&invitation, 1), typing(2, &code, 2));
    other.feed(&one.take(usize::MAX));
    assert_eq!(other.next(&mut full()), Err(EnrolmentFailed::NotStored));
    assert_eq!(other.pending(), 0);
    let mut other = typing(2, &code, 3);
    let (request, _) = meet(&mut one, &mut other, &mut full(), &mut Book::default(), 1000);
    assert_eq!((request, one.pending()), (Ok(None), 0), "its first frame went to the other attempt");
    let mut one = inviter(&invitation, 4);
    let (request, _) = meet(&mut one, &mut typing(2, &code, 5), &mut full(), &mut Book::default(), 1000);
    assert_eq!((request, one.pending()), (Err(EnrolmentFailed::NotStored), 0));
    let invitation = qr_invitation();
    let mut one = inviter(&invitation, 6);
    let (request, _) =
        meet(&mut one, &mut scanning(2, &invitation, 7), &mut full(), &mut Book::default(), 1000);
    assert_eq!((request, one.pending()), (Err(EnrolmentFailed::NotStored), 0));
}

#[test]
fn a_short_codes_first_frame_sent_back_is_refused() {
    let invitation = code_invitation();
    let mut inviter = inviter(&invitation, 1);
    let first = inviter.take(usize::MAX);
    assert_eq!(first.len(), 2 + 16 + 33);
    let mut echo = 33_u16.to_be_bytes().to_vec();
    echo.extend(&first[18..]);
    inviter.feed(&echo);
    let mut book = Book::default();
    assert_eq!(inviter.next(NOW, &mut book), Err(EnrolmentFailed::Malformed));
    assert_eq!((book.tries, inviter.pending()), (1, 0));
}

#[test]
fn a_name_that_cannot_be_shown_is_refused_on_both_sides() {
    let code: ShortCode = "7K3M-0Z1A".parse().unwrap();
    for name in ["", "a\u{202e}b", &"x".repeat(65)] {
        let newcomer = Newcomer::by_code(&device(2), name, Vec::new(), code.clone(), seeded(1));
        assert_eq!(newcomer.err(), Some(EnrolmentFailed::Malformed));
    }
}
