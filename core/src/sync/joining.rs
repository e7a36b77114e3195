//! Enrolment on a store: the inviter's invitation, with tries and use kept on disk before anything leaves, and the
//! newcomer's joining. Both are bytes in, bytes out, like a session.

use zeroize::Zeroizing;

use super::enrolment::{
    Answer, EnrolmentFailed, InvalidQr, Invitation, InvitationBook, Inviter, Newcomer, NotStored, QrPayload,
    Request, ShortCode, Terms, TryBook, is_name,
};
use super::status::Sync;
use crate::error::{Error, Result};
use crate::identity::record::IssuerPower;
use crate::identity::{Joining, JoiningRefused};
use crate::ids::{DeviceId, sha256};
use crate::store::Store;
use crate::time::Instant;

/// What became of an invitation is kept for a day: it is good for minutes, and clocks differ.
const KEPT_MILLIS: i64 = 24 * 3600 * 1000;

/// An invitation of this store: shown as a QR code, or spoken.
pub struct Invited {
    store: Store,
    invitation: Invitation,
    not_after: Option<Instant>,
}

/// Who asks to be taken in: a person compares name and fingerprint with what the other screen shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinRequest {
    /// The device.
    pub device: DeviceId,
    /// What its person calls it; a claim.
    pub device_name: String,
    /// What both screens show.
    pub fingerprint: String,
}

impl Sync<'_> {
    /// Invites a device by a QR code. Worker, roles and level are fixed here; the newcomer cannot ask for others.
    ///
    /// # Errors
    /// [`Error::KeysLost`] without keys, [`Error::Joining`] when this device may not certify, or for another level than 1
    /// to 5.
    pub fn invite_by_qr(&self, terms: Terms, not_after: Option<Instant>) -> Result<Invited> {
        let now = self.begin_invitation(&terms)?;
        let random = self.store.inner.config.random.as_ref();
        let invitation = Invitation::by_qr(terms, now, random)?;
        Ok(Invited { store: self.store.clone(), invitation, not_after })
    }

    /// Invites a device by a short code that is spoken.
    ///
    /// # Errors
    /// As [`Self::invite_by_qr`].
    pub fn invite_by_code(&self, terms: Terms, not_after: Option<Instant>) -> Result<Invited> {
        let now = self.begin_invitation(&terms)?;
        let random = self.store.inner.config.random.as_ref();
        let invitation = Invitation::by_code(terms, now, random)?;
        Ok(Invited { store: self.store.clone(), invitation, not_after })
    }

    fn begin_invitation(&self, terms: &Terms) -> Result<i64> {
        self.store.ready()?;
        let (keys, root) = (self.store.keys()?, self.store.root_key()?);
        let power = self.store.own().authority.issuing(root.as_ref(), Some(&keys)).map(|by| by.power);
        if power != Some(IssuerPower::All) {
            return Err(JoiningRefused::NotAnIssuer.into());
        }
        if !(1..=5).contains(&terms.level) {
            return Err(JoiningRefused::Level.into());
        }
        let now = self.store.now()?;
        self.store.inner.database.write(|tx| tx.forget_invitations(now.timestamp_millis() - KEPT_MILLIS))?;
        Ok(now.timestamp())
    }

    /// Joins the domain of whoever shows a QR code with this text, or speaks this code: connect to it, and carry the bytes.
    ///
    /// # Errors
    /// [`Error::Enrolment`] when the text is neither an invitation nor a code, or is over; [`Error::Invalid`] for a name that
    /// cannot be shown: of 1 to 64 bytes, without characters that control or hide.
    pub fn join(&self, text: &str, device_name: &str) -> Result<JoinAttempt> {
        let device_name = device_name.trim();
        if !is_name(device_name) {
            return Err(Error::invalid("device_name", "format"));
        }
        let (keys, own_records) = self.joining_keys()?;
        let random = self.store.inner.config.random.clone();
        let (newcomer, code) = if QrPayload::is_meant_by(text) {
            let qr: QrPayload = text.parse().map_err(|invalid| match invalid {
                InvalidQr::Newer => EnrolmentFailed::Newer,
                _ => EnrolmentFailed::Malformed,
            })?;
            let now = self.store.now()?.timestamp();
            let newcomer = Newcomer::by_qr(&keys, device_name, own_records, &qr, now, random.as_ref())?;
            (newcomer, [0; 16])
        } else {
            let code: ShortCode = text.parse().map_err(|_| EnrolmentFailed::Malformed)?;
            let mut id = [0; 16];
            id.copy_from_slice(&sha256(&[b"caseplan/tries", code.to_string().as_bytes()])[..16]);
            (Newcomer::by_code(&keys, device_name, own_records, code, random)?, id)
        };
        Ok(JoinAttempt { store: self.store.clone(), newcomer, code })
    }

    /// The keys to join with, new ones after the old were lost, and the signed wish to be certified.
    fn joining_keys(&self) -> Result<(crate::identity::DeviceKeys, Vec<u8>)> {
        let request = self.store.identity().request()?;
        let own = self.store.own().keys.clone();
        let keys = match own {
            Some(keys) => keys,
            None => {
                crate::identity::DeviceKeys::load(self.store.inner.vault.as_ref())?.ok_or(Error::KeysLost)?
            }
        };
        Ok((keys, request))
    }
}

impl Invited {
    /// The text to draw as a QR code; nothing where a code is spoken.
    pub fn qr(&self) -> Result<Option<String>> {
        let keys = self.store.keys()?;
        Ok(self.invitation.qr(&keys).map(|payload| payload.to_string()))
    }

    /// The code to speak; nothing where a QR code is shown.
    pub fn code(&self) -> Option<String> {
        self.invitation.code().map(ToString::to_string)
    }

    /// When it is over.
    pub fn expires_at(&self) -> Instant {
        crate::time::from_unix(self.invitation.expires_at)
    }

    /// Begins with a connection that somebody made.
    ///
    /// # Errors
    /// [`Error::Enrolment`] when the invitation is over.
    pub fn take_in(&self) -> Result<TakeIn> {
        let (keys, now) = (self.store.keys()?, self.store.now()?.timestamp());
        let random = self.store.inner.config.random.clone();
        let inviter = Inviter::new(&keys, &self.invitation, now, random)?;
        Ok(TakeIn {
            store: self.store.clone(),
            inviter,
            id: self.invitation.id,
            terms: self.invitation.terms.clone(),
            not_after: self.not_after,
            request: None,
        })
    }
}

/// The inviter's side of one attempt.
pub struct TakeIn {
    store: Store,
    inviter: Inviter,
    id: [u8; 16],
    terms: Terms,
    not_after: Option<Instant>,
    request: Option<Request>,
}

impl TakeIn {
    /// Takes bytes from the wire. Answers the request once: show it to a person, then [`Self::accept`] or
    /// [`Self::decline`].
    ///
    /// # Errors
    /// [`Error::Enrolment`] when this attempt is over; bytes may wait that tell the newcomer.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Option<JoinRequest>> {
        self.inviter.feed(bytes);
        let now = self.store.now()?.timestamp();
        let mut book = Book { store: &self.store, id: self.id };
        let Some(request) = self.inviter.next(now, &mut book)? else { return Ok(None) };
        let asked = JoinRequest {
            device: request.device(),
            device_name: request.device_name.clone(),
            fingerprint: request.fingerprint(),
        };
        self.request = Some(request);
        Ok(Some(asked))
    }

    /// Certifies the device and answers it. Take the bytes and the attempt is over.
    ///
    /// # Errors
    /// [`Error::Joining`] when it cannot be certified: it belongs to another worker, for one. The newcomer hears that it was
    /// declined.
    pub fn accept(&mut self) -> Result<()> {
        let accepted = self.certify();
        if accepted.is_err() {
            // Where even that cannot be said, the end of the connection says it.
            let _ = self.inviter.decline();
        }
        accepted
    }

    fn certify(&mut self) -> Result<()> {
        let request = self.request.as_ref().ok_or(EnrolmentFailed::NotNow)?;
        let joining = Joining::decode(&request.own_records)?;
        if (joining.ed25519, joining.x25519) != (request.ed25519, request.x25519) {
            return Err(JoiningRefused::NotSigned.into());
        }
        let identity = self.store.identity();
        let Terms { worker, roles, level } = self.terms.clone();
        if joining.worker != worker {
            return Err(JoiningRefused::OtherWorker.into());
        }
        let records = match identity.certify_joining(&joining, worker, &roles, level, self.not_after, true) {
            // It had an answer already, and the connection was cut: it gets one by what this invitation says.
            Err(Error::Joining(JoiningRefused::AlreadyCertified)) => {
                identity.certify_again(request.device(), &roles, level, self.not_after)?;
                self.store.own().authority.answer(true)
            }
            other => other?,
        };
        let own = self.store.own();
        let anchor = own.authority.records(&own.authority.domain_log()).next().map(|signed| signed.encode());
        let secret = own.authority.network_secrets().into_iter().next();
        let answer = Answer {
            anchor: anchor.unwrap_or_default(),
            chain: Vec::new(),
            certificate: records,
            network_secret: Zeroizing::new(secret.map(|(_, secret)| secret.to_vec()).unwrap_or_default()),
        };
        drop(own);
        Ok(self.inviter.answer(&answer)?)
    }

    /// Declines the request. Take the bytes and the attempt is over.
    pub fn decline(&mut self) -> Result<()> {
        Ok(self.inviter.decline()?)
    }

    /// Bytes for the wire, at most so many.
    pub fn take(&mut self, most: usize) -> Vec<u8> {
        self.inviter.take(most)
    }

    /// Says that the connection ended.
    pub fn closed(&mut self) -> Result<()> {
        Ok(self.inviter.closed()?)
    }
}

/// The newcomer's side of one attempt.
pub struct JoinAttempt {
    store: Store,
    newcomer: Newcomer,
    code: [u8; 16],
}

impl JoinAttempt {
    /// What both screens show.
    pub fn fingerprint(&self) -> Result<String> {
        let (keys, _) = self.store.sync().joining_keys()?;
        Ok(super::enrolment::fingerprint(&keys.ed25519()))
    }

    /// Takes bytes from the wire; true once this device is a member: on disk when this returns.
    ///
    /// # Errors
    /// [`Error::Enrolment`] when this attempt is over, [`Error::Joining`] when the answer is not for this device.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<bool> {
        self.newcomer.feed(bytes);
        let mut book = Book { store: &self.store, id: self.code };
        let Some(answer) = self.newcomer.next(&mut book)? else { return Ok(false) };
        self.store.identity().adopt(&answer.certificate)?;
        Ok(true)
    }

    /// Bytes for the wire, at most so many.
    pub fn take(&mut self, most: usize) -> Vec<u8> {
        self.newcomer.take(most)
    }

    /// Says that the connection ended.
    pub fn closed(&mut self) -> Result<()> {
        Ok(self.newcomer.closed()?)
    }
}

/// Where tries and use are kept: in the store, committed before anything leaves.
struct Book<'a> {
    store: &'a Store,
    id: [u8; 16],
}

impl Book<'_> {
    fn now(&self) -> Result<i64, NotStored> {
        self.store.now().map(|now| now.timestamp_millis()).map_err(|_| NotStored)
    }
}

impl TryBook for Book<'_> {
    fn count_try(&mut self) -> Result<u32, NotStored> {
        let now = self.now()?;
        self.store.inner.database.write(|tx| tx.count_try(&self.id, now)).map_err(|_| NotStored)
    }
}

impl InvitationBook for Book<'_> {
    fn use_up(&mut self, device: DeviceId) -> Result<bool, NotStored> {
        let now = self.now()?;
        let write = self.store.inner.database.write(|tx| tx.use_up(&self.id, device.as_bytes(), now));
        write.map_err(|_| NotStored)
    }
}
