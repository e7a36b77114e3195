//! What a phone keeps in files and vault: copies of it, and words that are looked for in it.

use std::path::PathBuf;
use std::sync::Arc;

use caseplan_core::identity::keys::secret;
use caseplan_core::identity::{KeyVault, MemoryVault};

use super::Device;

/// A copy of a whole phone.
pub struct Image {
    pub file: PathBuf,
    pub secrets: Secrets,
}

/// What a vault kept at some time.
pub struct Secrets(Vec<(&'static str, Vec<u8>)>);

impl Secrets {
    /// As they are while an opening that found a session has begun another and not confirmed it.
    pub fn opening(mut self, found: Vec<u8>) -> Self {
        self.0.retain(|(name, _)| *name != secret::SESSION_CURRENT);
        self.0.push((secret::SESSION_CURRENT, found));
        self
    }

    /// The vault as it was.
    pub fn vault(&self) -> Arc<MemoryVault> {
        let vault = MemoryVault::default();
        self.0.iter().for_each(|(name, secret)| vault.store(name, secret).unwrap());
        Arc::new(vault)
    }
}

const SECRETS: [&str; 5] =
    [secret::DEVICE, secret::ROOT, secret::RECOVERY, secret::SESSION_NEXT, secret::SESSION_CURRENT];

impl Device {
    /// Everything that this device keeps, as a copy of the whole phone would take it along: file and vault.
    pub fn image(&self, name: &str) -> Image {
        self.store.suspend();
        let file = self.folder.path().join(name);
        std::fs::copy(self.file(), &file).unwrap();
        let image = Image { file, secrets: self.secrets() };
        self.store.resume().unwrap();
        image
    }

    /// What the vault keeps now.
    pub fn secrets(&self) -> Secrets {
        Secrets(SECRETS.iter().filter_map(|name| Some((*name, self.vault.load(name).unwrap()?))).collect())
    }

    /// The whole phone is as it was when the copy was made.
    pub fn come_back(&mut self, image: &Image) {
        self.store.close();
        std::fs::copy(&image.file, self.file()).unwrap();
        self.remove_file(&["-wal", "-shm"]);
        self.vault = image.secrets.vault();
        self.restart();
    }
}

/// Which of these words stand anywhere in a device's files, the log of writes included, while they are open.
pub fn found<'a>(device: &Device, words: &[&'a str]) -> Vec<&'a str> {
    let files = std::fs::read_dir(device.folder.path()).unwrap();
    let bytes: Vec<u8> = files.flat_map(|entry| std::fs::read(entry.unwrap().path()).unwrap()).collect();
    let stands =
        |word: &str| bytes.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word.as_bytes()));
    words.iter().copied().filter(|word| stands(word)).collect()
}

/// The same of words that were removed. A reader may have used the log of writes at that moment, and then it is emptied as the
/// store next settles.
pub fn left<'a>(device: &Device, words: &[&'a str]) -> Vec<&'a str> {
    let mut left = found(device, words);
    for _ in 0..100 {
        if left.is_empty() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
        device.store.grants().settle().unwrap();
        left = found(device, words);
    }
    left
}
