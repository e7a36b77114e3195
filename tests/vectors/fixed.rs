//! What the vectors are made of: keys and randomness that stand in the files.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Mutex;

use caseplan_core::identity::{DeviceKeys, KeyVault, MemoryVault};
use caseplan_core::random::{Random, RandomFailed};
use serde_json::{Value, json};

/// Gives these bytes in their order, and fails when they are used up.
pub struct Fixed(Mutex<VecDeque<u8>>);

impl Fixed {
    pub fn new(bytes: &[u8]) -> Self {
        Self(Mutex::new(bytes.iter().copied().collect()))
    }
}

impl Random for Fixed {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomFailed> {
        let mut left = self.0.lock().unwrap();
        if left.len() < bytes.len() {
            return Err(RandomFailed);
        }
        bytes.iter_mut().for_each(|byte| *byte = left.pop_front().unwrap());
        Ok(())
    }
}

/// `N` bytes that count up from this one.
pub fn counting<const N: usize>(from: u8) -> [u8; N] {
    std::array::from_fn(|at| from.wrapping_add(at as u8))
}

/// A device: its Ed25519 seed counts up from `from`, its X25519 secret from `from + 32`.
pub fn device(from: u8) -> DeviceKeys {
    let vault = MemoryVault::default();
    vault.store("device", &counting::<64>(from)).unwrap();
    DeviceKeys::load(&vault).unwrap().unwrap()
}

/// The secrets and names of [`device`], for the file.
pub fn described(from: u8) -> Value {
    let keys = device(from);
    json!({
        "ed25519_seed": hex(&counting::<32>(from)),
        "ed25519": hex(&keys.ed25519()),
        "x25519_secret": hex(&counting::<32>(from.wrapping_add(32))),
        "x25519": hex(&keys.x25519()),
        "device_id": hex(keys.device_id().as_bytes()),
    })
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Holds a file to what was computed.
pub fn compare(name: &str, computed: &Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(name);
    if std::env::var_os("CASEPLAN_WRITE_VECTORS").is_some() {
        std::fs::write(&path, format!("{computed:#}\n")).unwrap();
    }
    let kept: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(&kept, computed, "{name}");
}
