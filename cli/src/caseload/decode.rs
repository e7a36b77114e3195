//! Bytes to text: UTF-8 and UTF-16 with or without a byte order mark, else Windows-1252.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// So many bytes decide which byte of a UTF-16 character is the empty one.
const SAMPLE: usize = 4096;

/// The names by which an encoding can be given.
pub const NAMES: [&str; 4] = ["utf-8", "utf-16le", "utf-16be", "windows-1252"];

/// The bytes as text, in the encoding of this name or in the one that they look like; nothing if they are not.
pub fn text(bytes: &[u8], encoding: Option<&str>) -> Option<String> {
    let encoding = match encoding {
        Some(name) => Encoding::for_label(name.as_bytes())?,
        None => guess(bytes),
    };
    // The mark, if there is one, is no part of the text.
    let (text, malformed) = encoding.decode_with_bom_removal(bytes);
    (!malformed).then(|| text.into_owned())
}

fn guess(bytes: &[u8]) -> &'static Encoding {
    if let Some((marked, _)) = Encoding::for_bom(bytes) {
        return marked;
    }
    // Column names are ASCII: in UTF-16, every second of their bytes is zero.
    let sample = &bytes[..bytes.len().min(SAMPLE)];
    let zeros = |first: usize| sample.iter().skip(first).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    match (even.max(odd) > sample.len() / 4, std::str::from_utf8(bytes)) {
        (true, _) if even > odd => UTF_16BE,
        (true, _) => UTF_16LE,
        (false, Ok(_)) => UTF_8,
        (false, Err(_)) => WINDOWS_1252,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEA: &str = "record;name\nparticipant;Léa – Œuvre\n";

    fn utf_16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn what_office_programs_write_is_read() {
        let marked = |mark: &[u8], bytes: &[u8]| [mark, bytes].concat();
        let (little, big) = (utf_16(LEA, u16::to_le_bytes), utf_16(LEA, u16::to_be_bytes));
        let (windows, _, _) = WINDOWS_1252.encode(LEA);
        for bytes in [
            LEA.as_bytes().to_vec(),
            marked(&[0xef, 0xbb, 0xbf], LEA.as_bytes()),
            marked(&[0xff, 0xfe], &little),
            marked(&[0xfe, 0xff], &big),
            little,
            big,
            windows.to_vec(),
        ] {
            assert_eq!(text(&bytes, None).as_deref(), Some(LEA), "{bytes:?}");
        }
    }

    #[test]
    fn a_named_encoding_is_held_to() {
        assert_eq!(text(b"L\xe9a", Some("windows-1252")).as_deref(), Some("Léa"));
        assert_eq!(text(b"L\xe9a", Some("utf-8")), None);
        assert!(NAMES.iter().all(|name| text(b"ab", Some(name)).is_some()));
    }
}
