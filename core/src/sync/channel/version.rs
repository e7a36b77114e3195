//! Which version two devices speak: offered in the first handshake message, chosen in the second.
//!
//! Both payloads are in the handshake hash, so nobody can push two devices to an older version.

use super::ChannelFailed;
use crate::identity::cbor::{Malformed, Reader, Writer, only};

/// The versions of the protocol that this build speaks, ascending.
pub const VERSIONS: &[u32] = &[1];

/// No offer names more.
const MOST: u64 = 16;

/// The payload of the first message: `[[version, ...]]`.
pub(super) fn offer(versions: &[u32]) -> Vec<u8> {
    let start = Writer::array(1).nested(versions.len() as u64);
    versions.iter().fold(start, |writer, version| writer.unsigned((*version).into())).done()
}

/// The highest version that was offered and is among ours.
pub(super) fn choose(offered: &[u8], ours: &[u32]) -> Result<u32, ChannelFailed> {
    let theirs = read_offer(offered).map_err(|_| ChannelFailed::Malformed)?;
    theirs.into_iter().rev().find(|version| ours.contains(version)).ok_or(ChannelFailed::NoCommonVersion)
}

/// The payload of the second message: `[version]`.
pub(super) fn choice(version: u32) -> Vec<u8> {
    Writer::array(1).unsigned(version.into()).done()
}

/// The version that was chosen, if it is one of those that were offered.
pub(super) fn chosen(payload: &[u8], offered: &[u32]) -> Result<u32, ChannelFailed> {
    let read = || {
        let mut reader = Reader::array(payload, 1)?;
        let version = u32::try_from(reader.unsigned()?).map_err(|_| Malformed)?;
        reader.end()?;
        only(version, |version| choice(*version), payload)
    };
    let version = read().map_err(|_| ChannelFailed::Malformed)?;
    if offered.contains(&version) { Ok(version) } else { Err(ChannelFailed::NoCommonVersion) }
}

fn read_offer(payload: &[u8]) -> Result<Vec<u32>, Malformed> {
    let mut reader = Reader::array(payload, 1)?;
    let count = reader.nested()?;
    if !(1..=MOST).contains(&count) {
        return Err(Malformed);
    }
    let versions = (0..count)
        .map(|_| u32::try_from(reader.unsigned()?).map_err(|_| Malformed))
        .collect::<Result<Vec<_>, _>>()?;
    reader.end()?;
    if !versions.is_sorted_by(|a, b| a < b) {
        return Err(Malformed);
    }
    only(versions, |versions| offer(versions), payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_common_version_is_chosen() {
        assert_eq!(choose(&offer(&[1, 2, 5]), &[1, 2, 3]), Ok(2));
        assert_eq!(choose(&offer(&[4]), &[1, 2, 3]), Err(ChannelFailed::NoCommonVersion));
        assert_eq!(chosen(&choice(2), &[1, 2, 5]), Ok(2));
        assert_eq!(chosen(&choice(3), &[1, 2, 5]), Err(ChannelFailed::NoCommonVersion));
    }

    #[test]
    fn an_offer_has_one_encoding() {
        for bad in
            [&[0x81, 0x80][..], &[0x81, 0x82, 2, 1], &[0x81, 0x82, 1, 1], &[0x81, 0x81, 0x18, 1], &[0x80]]
        {
            assert_eq!(choose(bad, &[1]), Err(ChannelFailed::Malformed), "{bad:x?}");
        }
        assert_eq!(choose(&offer(&[1; 17]), &[1]), Err(ChannelFailed::Malformed));
        assert_eq!(chosen(&[0x81, 0x18, 1], &[1]), Err(ChannelFailed::Malformed));
    }
}
