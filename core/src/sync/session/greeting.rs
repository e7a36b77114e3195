//! The greeting: who both sides are is proven before anything else is said.
//!
//! The initiator's chain of certificates came in the handshake; the responder's comes with its hello, after it has
//! checked the initiator's. Each signs the handshake hash.

use super::chain::decode_chain;
use super::{CLOCKS_DIFFER, Session, Stage, SyncFailed};
use crate::error::Result;
use crate::identity::Certificate;
use crate::sync::channel::{Established, MAX_MESSAGE, Purpose, Side, sign_handshake, verify_handshake};
use crate::sync::replica::{self, Replica};
use crate::sync::wire::Wire;

impl Session {
    /// The handshake is over: the initiator's proof came with it, the responder's comes with its hello.
    pub(super) fn established(&mut self, established: Established) -> Result<()> {
        match self.side {
            Side::Initiator => self.say_hello(&established, Vec::new())?,
            Side::Responder => {
                let chain = decode_chain(&established.proof)?;
                self.peer = Some(self.proven(&chain, &established)?);
            }
        }
        self.stage = Stage::Greeting(established);
        Ok(())
    }

    fn say_hello(&mut self, established: &Established, chain: Vec<Vec<u8>>) -> Result<()> {
        let keys = self.store.keys()?;
        let signature = sign_handshake(&keys, Purpose::Hello, self.side, &established.handshake_hash);
        let clock = self.store.now()?.timestamp();
        self.say(&Wire::Hello { chain, signature, clock })
    }

    /// The certificate that a chain proves, if it is of this domain and its agreement key is the connection's.
    fn proven(&self, chain: &[Vec<u8>], established: &Established) -> Result<Certificate, SyncFailed> {
        let certificate = self.store.proven_by(chain).ok_or(SyncFailed::NotProven)?;
        if certificate.x25519 == established.remote_x25519 {
            Ok(certificate)
        } else {
            Err(SyncFailed::NotProven)
        }
    }

    pub(super) fn on_hello(&mut self, wire: Wire) -> Result<()> {
        let Stage::Greeting(established) = std::mem::replace(&mut self.stage, Stage::Over) else {
            return Ok(());
        };
        let Wire::Hello { chain, signature, clock } = wire else {
            return Err(match wire {
                Wire::Failed { reason, .. } => SyncFailed::GaveUp(reason).into(),
                _ => SyncFailed::Protocol("hello").into(),
            });
        };
        let certificate = match &self.peer {
            Some(certificate) => certificate.clone(),
            None => self.proven(&chain, &established)?,
        };
        let hash = &established.handshake_hash;
        if !verify_handshake(&certificate.ed25519, Purpose::Hello, self.side.other(), hash, &signature)
            || certificate.device == self.store.own().device
        {
            return Err(SyncFailed::NotProven.into());
        }
        let ahead = clock.saturating_sub(self.store.now()?.timestamp());
        self.clock_ahead = (ahead.saturating_abs() > CLOCKS_DIFFER).then_some(ahead);
        let side = match self.side {
            Side::Initiator => replica::Side::Initiator,
            Side::Responder => {
                self.say_hello(&established, self.store.own_chain())?;
                replica::Side::Responder
            }
        };
        self.channel.set_limit(MAX_MESSAGE);
        self.store.note_met(certificate.device)?;
        let replica = Replica::new(self.store.clone(), certificate.device, side)?;
        self.peer = Some(certificate);
        self.rounds = self.now;
        self.stage = Stage::Open(Box::new(replica));
        self.fill()
    }
}
