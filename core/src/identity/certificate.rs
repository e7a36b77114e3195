//! Which keys a device has, which worker it belongs to, and what that worker may do.

use super::cbor::{Malformed, Reader, Writer, only};
use super::keys::device_id;
use crate::ids::{DeviceId, WorkerId, sha256};

crate::code_enum! {
    /// What a worker may do, as a certificate says it.
    Role {
        /// Keeps cases.
        Caseworker = "caseworker",
        /// Approves.
        Supervisor = "supervisor",
        /// Sees one visitation plan and records its visits.
        VisitSupervisor = "visit_supervisor",
        /// Reads every case and may grant access.
        Administrator = "administrator",
        /// A machine that carries changes between devices.
        Hub = "hub",
        /// Publishes code tables and registries.
        Publisher = "publisher",
    }
}

/// A device's certificate: the body of a record. Its hash is what a change's signature names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The device.
    pub device: DeviceId,
    /// Its signing key.
    pub ed25519: [u8; 32],
    /// Its agreement key.
    pub x25519: [u8; 32],
    /// The worker it belongs to.
    pub worker: WorkerId,
    /// What the worker may do, sorted.
    pub roles: Vec<Role>,
    /// The highest sensitivity level that the worker may read, 1 to 5.
    pub level: u8,
    /// Not to be used for connections before, unix seconds.
    pub not_before: i64,
    /// Not to be used for connections after; nothing where there is no hub to renew it.
    pub not_after: Option<i64>,
    /// 0, and one more with each renewal.
    pub epoch: u32,
}

impl Certificate {
    /// Whether another one of the device says the same of it: worker, roles and level.
    pub fn says_the_same(&self, other: &Self) -> bool {
        (&self.worker, &self.roles, self.level) == (&other.worker, &other.roles, other.level)
    }

    /// The bytes that are hashed and stand in the record.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::array(9)
            .bytes(self.device.as_bytes())
            .bytes(&self.ed25519)
            .bytes(&self.x25519)
            .text(self.worker.as_str())
            .nested(self.roles.len() as u64);
        for role in &self.roles {
            writer = writer.text(role.code());
        }
        writer
            .unsigned(self.level.into())
            .time(Some(self.not_before))
            .time(self.not_after)
            .unsigned(self.epoch.into())
            .done()
    }

    /// Reads a body strictly, and checks that the device id is its key's.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::array(bytes, 9)?;
        let device = DeviceId::from_slice(reader.bytes()?).map_err(|_| Malformed)?;
        let ed25519 = reader.fixed()?;
        let x25519 = reader.fixed()?;
        let worker = reader.text()?.parse().map_err(|_| Malformed)?;
        let count = reader.nested()?;
        if count > 16 {
            return Err(Malformed);
        }
        let roles = (0..count).map(|_| reader.text().map(Role::from_code)).collect::<Result<Vec<_>, _>>()?;
        let level = u8::try_from(reader.unsigned()?).map_err(|_| Malformed)?;
        let not_before = reader.time()?.ok_or(Malformed)?;
        let not_after = reader.time()?;
        let epoch = u32::try_from(reader.unsigned()?).map_err(|_| Malformed)?;
        reader.end()?;
        let sorted = roles.windows(2).all(|pair| pair[0].code() < pair[1].code());
        if device != device_id(ed25519) || !(1..=5).contains(&level) || !sorted {
            return Err(Malformed);
        }
        let certificate =
            Self { device, ed25519, x25519, worker, roles, level, not_before, not_after, epoch };
        only(certificate, Self::encode, bytes)
    }

    /// What a change's signature names: SHA-256 of the body, without issuer, number and signature.
    pub fn hash(&self) -> [u8; 32] {
        sha256(&[&self.encode()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Certificate {
        let ed25519 = [3; 32];
        Certificate {
            device: device_id(ed25519),
            ed25519,
            x25519: [4; 32],
            worker: "w-117".parse().unwrap(),
            roles: vec![Role::Caseworker, Role::Supervisor],
            level: 5,
            not_before: 1_767_225_600,
            not_after: None,
            epoch: 0,
        }
    }

    #[test]
    fn a_certificate_reads_back() {
        let certificate = sample();
        assert_eq!(Certificate::decode(&certificate.encode()), Ok(certificate));
    }

    #[test]
    fn a_foreign_device_id_or_unsorted_roles_are_refused() {
        let mut stolen = sample();
        stolen.device = device_id([9; 32]);
        assert!(Certificate::decode(&stolen.encode()).is_err());
        let mut unsorted = sample();
        unsorted.roles.reverse();
        assert!(Certificate::decode(&unsorted.encode()).is_err());
    }
}
