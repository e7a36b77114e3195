//! A QR code's text, and the exchange of a short code up to the first frame that its key seals.

use std::sync::Arc;

use caseplan_core::sync::enrolment::{
    Invitation, InvitationBook, Inviter, Newcomer, NotStored, ShortCode, Terms, TryBook, fingerprint,
};
use serde_json::json;

use crate::fixed::{Fixed, compare, counting, described, device, hex};

const INVITER: u8 = 0;
const NEWCOMER: u8 = 0x40;
const NOW: i64 = 1_767_225_600;

struct Book;

impl TryBook for Book {
    fn count_try(&mut self) -> Result<u32, NotStored> {
        Ok(1)
    }
}

impl InvitationBook for Book {
    fn use_up(&mut self, _: caseplan_core::ids::DeviceId) -> Result<bool, NotStored> {
        Ok(true)
    }
}

#[test]
fn invitations_and_the_exchange_of_a_short_code_are_those_of_the_file() {
    let terms = Terms { worker: "w-117".parse().unwrap(), roles: Vec::new(), level: 1 };
    let (secret, id) = (counting::<32>(0x20), counting::<16>(0x70));
    let drawn = [secret.as_slice(), &id].concat();
    let qr = Invitation::by_qr(terms.clone(), NOW, &Fixed::new(&drawn)).unwrap();
    let payload = qr.qr(&device(INVITER)).unwrap();
    assert_eq!(payload.to_string().parse(), Ok(payload.clone()));

    // The code draws eight bytes: each gives one character, by its lowest five bits.
    let drawn = [counting::<8>(7).as_slice(), &id].concat();
    let spoken = Invitation::by_code(terms, NOW, &Fixed::new(&drawn)).unwrap();
    let code = spoken.code().unwrap();
    let (a, b, ephemeral) = (counting::<64>(0x11), counting::<64>(0x33), counting::<32>(0xb0));
    let mut inviter = Inviter::new(&device(INVITER), &spoken, NOW, Arc::new(Fixed::new(&a))).unwrap();
    let random = Arc::new(Fixed::new(&[b.as_slice(), &ephemeral].concat()));
    let typed: ShortCode = code.to_string().parse().unwrap();
    let mut newcomer = Newcomer::by_code(&device(NEWCOMER), "phone", Vec::new(), typed, random).unwrap();
    let first = inviter.take(usize::MAX);
    newcomer.feed(&first);
    newcomer.next(&mut Book).unwrap();
    let answer = newcomer.take(2 + 33);
    let sealed = newcomer.take(usize::MAX);
    // The inviter's randomness is used up, so that it fails where the channel begins: after the key was found.
    inviter.feed(&answer);
    assert!(inviter.next(NOW, &mut Book).is_err());

    compare(
        "enrolment.json",
        &json!({
            "inviter": described(INVITER),
            "newcomer": described(NEWCOMER),
            "inviter_fingerprint": fingerprint(&device(INVITER).ed25519()),
            "invitation_id": hex(&id),
            "qr": { "secret": hex(&secret), "expires_at": payload.expires_at, "text": payload.to_string() },
            "short_code": {
                "shown": code.to_string(),
                "password": code.to_string().replace('-', ""),
                "scalar_a_is_mod_l_of": hex(&a),
                "scalar_b_is_mod_l_of": hex(&b),
                "inviters_first_frame": hex(&first),
                "newcomers_first_frame": hex(&answer),
                "newcomer_ephemeral": hex(&ephemeral),
                "newcomers_second_frame": hex(&sealed),
            },
        }),
    );
}
