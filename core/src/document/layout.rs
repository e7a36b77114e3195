//! What stands where in a document: kinds, containers, genesis changes and registers. Frozen: see each item.

use std::sync::OnceLock;

use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, Automerge, ObjType, ROOT, ReadDoc};

use crate::ids::{Actor, ChangeHash};

/// The kind of a document. Its code is part of the document's id and of every signature in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A case: its own fields, participants, team.
    Case,
    /// A visitation plan: its own fields, parties, schedules.
    VisitationPlan,
    /// Contacts recorded in one UTC year under one parent, up to 200 of them.
    ContactLog,
}

/// Containers of a case document.
pub mod case {
    /// The case's own fields.
    pub const CASE: &str = "case";
    /// What people decided about issues, by issue.
    pub const DECISIONS: &str = "decisions";
    /// Participants, by id.
    pub const PARTICIPANTS: &str = "participants";
}

/// Containers of a visitation plan document.
pub mod visitation_plan {
    /// The plan's own fields.
    pub const PLAN: &str = "plan";
    /// Clients to visit and visitors, by id.
    pub const PARTIES: &str = "parties";
    /// Immutable schedules, by id.
    pub const SCHEDULES: &str = "schedules";
}

/// Containers of a contact log document.
pub mod contact_log {
    /// Addenda to completed contacts, by id.
    pub const ADDENDA: &str = "addenda";
    /// Completed contacts, by id.
    pub const CONTACTS: &str = "contacts";
    /// Corrected values of completed contacts: one flat register per contact and field.
    pub const CORRECTED: &str = "corrected";
    /// What people decided about issues, by issue.
    pub const DECISIONS: &str = "decisions";
}

impl Kind {
    /// Every kind, in the order of their introduction.
    pub const ALL: [Self; 3] = [Self::Case, Self::VisitationPlan, Self::ContactLog];

    /// The stored and signed code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Case => "case",
            Self::VisitationPlan => "visitation_plan",
            Self::ContactLog => "contact_log",
        }
    }

    /// The kind of a code; nothing for a kind of a newer version.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// The containers that the genesis makes, sorted. Frozen for ever: what comes later goes into `more`, under keys
    /// `type/uuid`, because a second genesis by the same actor would make documents unmergeable.
    pub fn containers(self) -> &'static [&'static str] {
        match self {
            Self::Case => &["case", "decisions", "links", "more", "participants", "placements", "team"],
            Self::VisitationPlan => &["decisions", "more", "orders", "parties", "plan", "schedules"],
            Self::ContactLog => &["addenda", "contacts", "corrected", "decisions", "more"],
        }
    }

    /// True for a container that holds fields itself instead of entities under keys.
    pub fn is_flat(self, container: &str) -> bool {
        matches!(container, "case" | "plan" | "decisions" | "corrected" | "links")
    }

    /// The hash of the genesis change, pinned: the same on every device and in every version.
    pub fn genesis_hash(self) -> ChangeHash {
        ChangeHash(match self {
            Self::Case => GENESIS_CASE,
            Self::VisitationPlan => GENESIS_VISITATION_PLAN,
            Self::ContactLog => GENESIS_CONTACT_LOG,
        })
    }

    /// The genesis change as raw chunk bytes.
    pub fn genesis_bytes(self) -> &'static [u8] {
        static BYTES: OnceLock<[Vec<u8>; 3]> = OnceLock::new();
        let [case, plan, log] = BYTES.get_or_init(|| Self::ALL.map(|kind| make_genesis(kind).1));
        match self {
            Self::Case => case,
            Self::VisitationPlan => plan,
            Self::ContactLog => log,
        }
    }
}

/// The genesis change of a kind: fixed actor, no message, time 0, the containers in sorted order.
fn make_genesis(kind: Kind) -> (ChangeHash, Vec<u8>) {
    let mut am = Automerge::new();
    am.set_actor(ActorId::from(Actor::GENESIS.0));
    let mut tx = am.transaction();
    for container in kind.containers() {
        // Putting a map into a fresh root cannot fail; if it did, the pinned hash would not match and no document
        // of this kind could be opened.
        let _ = tx.put_object(ROOT, *container, ObjType::Map);
    }
    let (hash, _) = tx.commit_with(CommitOptions::default().with_time(0));
    let change = hash.and_then(|hash| am.get_change_by_hash(&hash));
    match change {
        Some(change) => (ChangeHash(change.hash().0), change.raw_bytes().to_vec()),
        None => (ChangeHash([0; 32]), Vec::new()),
    }
}

const GENESIS_CASE: [u8; 32] = [
    0xcf, 0x1a, 0xea, 0x5d, 0xd3, 0x17, 0xfb, 0xd7, 0x79, 0xbf, 0x0c, 0x00, 0x77, 0x00, 0xac, 0x7e, 0x38,
    0x7f, 0xbf, 0xa3, 0xf1, 0xec, 0x76, 0x49, 0x99, 0x9c, 0x0c, 0x7e, 0x98, 0x35, 0xdc, 0xb0,
];
const GENESIS_VISITATION_PLAN: [u8; 32] = [
    0x80, 0xc6, 0xd1, 0x76, 0x7f, 0xf8, 0x38, 0x1a, 0x3a, 0x66, 0x99, 0xcb, 0x4e, 0xbe, 0x04, 0x6b, 0x9a,
    0xd4, 0xfa, 0x5e, 0xd1, 0xf8, 0x59, 0x56, 0xee, 0x7c, 0x30, 0xf2, 0x86, 0x1d, 0x6b, 0x0b,
];
const GENESIS_CONTACT_LOG: [u8; 32] = [
    0x86, 0xeb, 0x16, 0xad, 0x98, 0x32, 0x70, 0x4d, 0x30, 0xaf, 0xd7, 0x7c, 0x2a, 0xbc, 0xf6, 0x70, 0xc2,
    0x87, 0x95, 0xd2, 0xb2, 0x5b, 0x2c, 0x20, 0x4a, 0x82, 0x4f, 0xdc, 0x92, 0x8f, 0xa2, 0xa1,
];

/// A field whose values only make sense together, so that it is one register: a canonical JSON text.
///
/// Two edits of a register made at the same time stay two whole values in conflict; they never mix.
#[derive(Debug, Clone, Copy)]
pub struct Register {
    /// The container that the field stands in.
    pub container: &'static str,
    /// The field's name; `*` for every field of a flat container or a nested map.
    pub field: &'static str,
    /// The keys that this version writes; any other key is carried over when it rewrites the register.
    pub keys: &'static [&'static str],
}

/// Every register of every kind.
pub const REGISTERS: &[Register] = &[
    Register { container: "case", field: "closure", keys: &["on", "reason"] },
    Register { container: "decisions", field: "*", keys: &["choice", "keep", "why"] },
    Register { container: "plan", field: "mandate", keys: &["kind", "on", "reference", "court", "document"] },
    Register { container: "plan", field: "methods", keys: &[] },
    Register { container: "plan", field: "place", keys: &["text"] },
    Register { container: "plan", field: "supervision", keys: &["level", "supervisor", "reason"] },
    Register { container: "plan", field: "activated", keys: &["on"] },
    Register { container: "plan", field: "canceled", keys: &["on", "why"] },
    Register { container: "parties", field: "party", keys: &["participant", "user"] },
    Register {
        container: "schedules",
        field: "schedule",
        keys: &["kind", "rule", "starts_at", "zone", "minutes", "count", "period"],
    },
    Register { container: "contacts", field: "planned", keys: &[] },
    Register {
        container: "contacts",
        field: "outcome",
        keys: &["code", "attributed_to", "reason", "notice_hours", "comment"],
    },
    Register { container: "contacts", field: "time", keys: &["start", "end", "zone", "day"] },
    Register { container: "contacts", field: "place", keys: &["text"] },
    Register { container: "contacts", field: "purposes", keys: &[] },
    Register { container: "contacts", field: "conducted_by", keys: &["participant", "user"] },
    Register {
        container: "contacts",
        field: "origin",
        keys: &["source", "external_id", "recorded_by", "recorded_at"],
    },
    Register {
        container: "contacts",
        field: "attendance/*",
        keys: &["party", "status", "minutes_late", "minutes_left_early"],
    },
    Register { container: "addenda", field: "corrections", keys: &[] },
    Register { container: "corrected", field: "*", keys: &["addendum", "value"] },
];

/// The register that a field is, if it is one.
pub fn register(container: &str, field: &str) -> Option<&'static Register> {
    REGISTERS.iter().find(|register| {
        register.container == container
            && (register.field == field
                || register.field == "*"
                || register.field.strip_suffix('*').is_some_and(|prefix| field.starts_with(prefix)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_genesis_has_its_pinned_hash() {
        for kind in Kind::ALL {
            let (hash, bytes) = make_genesis(kind);
            assert_eq!(hash, kind.genesis_hash(), "{} {hash}", kind.code());
            assert_eq!(bytes, kind.genesis_bytes());
        }
    }

    #[test]
    fn containers_are_sorted_and_have_room_for_more() {
        for kind in Kind::ALL {
            assert!(kind.containers().is_sorted());
            assert!(kind.containers().contains(&"more"));
        }
    }

    #[test]
    fn registers_stand_in_known_containers() {
        let known: Vec<&str> = Kind::ALL.iter().flat_map(|kind| kind.containers()).copied().collect();
        assert!(REGISTERS.iter().all(|register| known.contains(&register.container)));
        assert!(register("contacts", "attendance/x").is_some());
        assert!(register("contacts", "narrative").is_none());
    }
}
