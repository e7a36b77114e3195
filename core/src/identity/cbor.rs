//! The one encoding of everything that is signed or hashed outside Automerge: CBOR arrays in a fixed field order,
//! definite lengths, shortest integers (`sync.md` §10).
//!
//! Reading is strict: bytes that are not the one encoding of what they say are refused by comparing them with it.

use minicbor::{Decoder, Encoder};

/// Bytes that are not the one encoding of what was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the expected encoding")]
pub struct Malformed;

impl From<minicbor::decode::Error> for Malformed {
    fn from(_: minicbor::decode::Error) -> Self {
        Self
    }
}

/// Writes one array.
#[derive(Clone)]
pub struct Writer(Encoder<Vec<u8>>);

// Writing into a vector cannot fail, so the results below carry nothing.
impl Writer {
    /// An array of so many fields.
    pub fn array(fields: u64) -> Self {
        let mut encoder = Encoder::new(Vec::new());
        let _ = encoder.array(fields);
        Self(encoder)
    }

    /// An array within this one.
    pub fn nested(mut self, fields: u64) -> Self {
        let _ = self.0.array(fields);
        self
    }

    /// A byte string.
    pub fn bytes(mut self, bytes: &[u8]) -> Self {
        let _ = self.0.bytes(bytes);
        self
    }

    /// Byte strings, one after the other.
    pub fn all<T: AsRef<[u8]>>(self, strings: &[T]) -> Self {
        strings.iter().fold(self, |writer, bytes| writer.bytes(bytes.as_ref()))
    }

    /// A text.
    pub fn text(mut self, text: &str) -> Self {
        let _ = self.0.str(text);
        self
    }

    /// An unsigned integer.
    pub fn unsigned(mut self, number: u64) -> Self {
        let _ = self.0.u64(number);
        self
    }

    /// A time or nothing.
    pub fn time(mut self, seconds: Option<i64>) -> Self {
        let _ = match seconds {
            Some(seconds) => self.0.i64(seconds).map(|_| ()),
            None => self.0.null().map(|_| ()),
        };
        self
    }

    /// Nothing.
    pub fn null(mut self) -> Self {
        let _ = self.0.null();
        self
    }

    /// The bytes.
    pub fn done(self) -> Vec<u8> {
        self.0.into_writer()
    }
}

/// Reads one array.
pub struct Reader<'a>(Decoder<'a>);

impl<'a> Reader<'a> {
    /// The fields of an array of exactly so many.
    pub fn array(bytes: &'a [u8], fields: u64) -> Result<Self, Malformed> {
        let mut decoder = Decoder::new(bytes);
        if decoder.array()? == Some(fields) { Ok(Self(decoder)) } else { Err(Malformed) }
    }

    /// The items of an array of any length, and how many there are.
    pub fn list(bytes: &'a [u8]) -> Result<(Self, u64), Malformed> {
        let mut decoder = Decoder::new(bytes);
        let count = decoder.array()?.ok_or(Malformed)?;
        Ok((Self(decoder), count))
    }

    /// How many fields an array within this one has.
    pub fn nested(&mut self) -> Result<u64, Malformed> {
        self.0.array()?.ok_or(Malformed)
    }

    /// A byte string of any length.
    pub fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        Ok(self.0.bytes()?)
    }

    /// A byte string of exactly this length.
    pub fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        self.bytes()?.try_into().map_err(|_| Malformed)
    }

    /// A text.
    pub fn text(&mut self) -> Result<&'a str, Malformed> {
        Ok(self.0.str()?)
    }

    /// An unsigned integer.
    pub fn unsigned(&mut self) -> Result<u64, Malformed> {
        Ok(self.0.u64()?)
    }

    /// A time or nothing.
    pub fn time(&mut self) -> Result<Option<i64>, Malformed> {
        if self.null()? { Ok(None) } else { Ok(Some(self.0.i64()?)) }
    }

    /// Whether nothing stands here; if so, it is read.
    pub fn null(&mut self) -> Result<bool, Malformed> {
        let null = self.0.datatype()? == minicbor::data::Type::Null;
        if null {
            self.0.null()?;
        }
        Ok(null)
    }

    /// Nothing may be left.
    pub fn end(self) -> Result<(), Malformed> {
        if self.0.position() == self.0.input().len() { Ok(()) } else { Err(Malformed) }
    }
}

/// Refuses bytes that are not what the value encodes to.
pub fn only<T>(value: T, encode: impl FnOnce(&T) -> Vec<u8>, bytes: &[u8]) -> Result<T, Malformed> {
    if encode(&value) == bytes { Ok(value) } else { Err(Malformed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back_and_nothing_may_follow() {
        let bytes = Writer::array(4).unsigned(7).bytes(&[1, 2]).text("é").time(None).done();
        assert_eq!(bytes, [0x84, 0x07, 0x42, 1, 2, 0x62, 0xc3, 0xa9, 0xf6]);
        let mut reader = Reader::array(&bytes, 4).unwrap();
        assert_eq!(reader.unsigned(), Ok(7));
        assert_eq!(reader.fixed::<2>(), Ok([1, 2]));
        assert_eq!(reader.text(), Ok("é"));
        assert_eq!(reader.time(), Ok(None));
        assert_eq!(reader.end(), Ok(()));
        assert!(Reader::array(&bytes, 3).is_err());
    }

    #[test]
    fn a_longer_encoding_of_the_same_value_is_refused() {
        let long = [0x81, 0x18, 0x07];
        let read = |bytes: &[u8]| {
            let mut reader = Reader::array(bytes, 1)?;
            let number = reader.unsigned()?;
            reader.end()?;
            only(number, |number| Writer::array(1).unsigned(*number).done(), bytes)
        };
        assert_eq!(read(&[0x81, 0x07]), Ok(7));
        assert_eq!(read(&long), Err(Malformed));
    }
}
