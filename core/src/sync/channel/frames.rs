//! Frames on a stream, and messages cut over frames.
//!
//! A frame is a big-endian length of 2 bytes and one Noise message. A message is `length ‖ type ‖ body`, its length in 3
//! bytes, cut into the plaintexts of consecutive frames; none shares a frame with another.

use super::ChannelFailed;
use super::padding::{BLOCK, Padding, fill, is_fill};
use crate::sync::noise::{MAX_FRAME, TAG};

/// The bytes of a message's length.
const LENGTH: usize = 3;
/// The most plaintext in a frame.
const MAX_PLAINTEXT: usize = MAX_FRAME - TAG;
/// The most of it that is a multiple of a block.
const MAX_PADDED: usize = MAX_PLAINTEXT / BLOCK * BLOCK;

/// Cuts a stream into frames, whatever portions it comes in.
#[derive(Default)]
pub(crate) struct Deframer {
    buffer: Vec<u8>,
    start: usize,
}

impl Deframer {
    /// Adds bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        // What was read is dropped when it is the larger part, so that each byte is moved about once.
        if self.start > self.buffer.len() / 2 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole frame; nothing until more bytes come.
    pub fn next(&mut self, limit: usize) -> Result<Option<&[u8]>, ChannelFailed> {
        let waiting = &self.buffer[self.start..];
        let Some((length, rest)) = waiting.split_first_chunk::<2>() else { return Ok(None) };
        let length = usize::from(u16::from_be_bytes(*length));
        if length == 0 || length > limit {
            return Err(ChannelFailed::FrameLength { length, limit });
        }
        if rest.len() < length {
            return Ok(None);
        }
        let from = self.start + 2;
        self.start = from + length;
        Ok(Some(&self.buffer[from..self.start]))
    }

    /// What was not read.
    pub fn rest(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    /// Whether nothing is left over.
    pub fn is_empty(&self) -> bool {
        self.start == self.buffer.len()
    }
}

/// A frame with its length before it: of at most [`MAX_FRAME`] bytes, as no Noise message is longer.
pub(crate) fn frame(message: &[u8]) -> Vec<u8> {
    let mut framed = Vec::with_capacity(2 + message.len());
    framed.extend((message.len() as u16).to_be_bytes());
    framed.extend(message);
    framed
}

/// The plaintexts of the frames that carry a message of at most [`super::MAX_MESSAGE`] bytes.
pub(super) fn cut(kind: u8, body: &[u8], padding: Padding) -> impl Iterator<Item = Vec<u8>> {
    let mut message = Vec::with_capacity(LENGTH + 1 + body.len());
    message.extend(&(body.len() as u32 + 1).to_be_bytes()[1..]);
    message.push(kind);
    message.extend(body);
    let most = if padding == Padding::Block { MAX_PADDED } else { MAX_PLAINTEXT };
    let mut from = 0;
    std::iter::from_fn(move || {
        let to = message.len().min(from + most);
        let mut plaintext = message.get(from..to).filter(|part| !part.is_empty())?.to_vec();
        from = to;
        if padding == Padding::Block {
            fill(&mut plaintext);
        }
        Some(plaintext)
    })
}

/// Puts messages together from the plaintexts of frames.
#[derive(Default)]
pub(super) struct Assembler {
    message: Vec<u8>,
}

impl Assembler {
    /// Takes a frame's plaintext, and gives the message that ends in it: its type and body.
    ///
    /// The limit is on type and body together, and is checked before room is made for them.
    pub fn push(&mut self, plaintext: &[u8], limit: usize) -> Result<Option<(u8, Vec<u8>)>, ChannelFailed> {
        if plaintext.is_empty() {
            return Err(ChannelFailed::Malformed);
        }
        let mut rest = plaintext;
        if self.message.len() < LENGTH {
            let (head, tail) = rest.split_at(rest.len().min(LENGTH - self.message.len()));
            self.message.extend(head);
            rest = tail;
            match self.length() {
                None => return Ok(None),
                Some(0) => return Err(ChannelFailed::Malformed),
                Some(length) if length > limit => {
                    return Err(ChannelFailed::MessageTooLong { length, limit });
                }
                Some(_) => {}
            }
        }
        let missing = LENGTH + self.length().unwrap_or(0) - self.message.len();
        let Some((part, after)) = rest.split_at_checked(missing) else {
            self.message.extend(rest);
            return Ok(None);
        };
        if !is_fill(plaintext.len(), after) {
            return Err(ChannelFailed::Malformed);
        }
        self.message.extend(part);
        let mut message = std::mem::take(&mut self.message);
        let kind = message[LENGTH];
        message.drain(..=LENGTH);
        Ok(Some((kind, message)))
    }

    /// Whether no message is cut.
    pub fn is_empty(&self) -> bool {
        self.message.is_empty()
    }

    fn length(&self) -> Option<usize> {
        self.message.first_chunk::<LENGTH>().map(|[a, b, c]| u32::from_be_bytes([0, *a, *b, *c]) as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through(body: &[u8], padding: Padding, limit: usize) -> Result<Option<(u8, Vec<u8>)>, ChannelFailed> {
        let mut assembler = Assembler::default();
        let mut last = None;
        for plaintext in cut(9, body, padding) {
            assert_eq!(last, None, "a frame after the message's end");
            assert!(plaintext.len() <= MAX_PLAINTEXT);
            assert!(padding == Padding::None || plaintext.len().is_multiple_of(BLOCK));
            last = assembler.push(&plaintext, limit)?;
        }
        Ok(last)
    }

    #[test]
    fn messages_around_every_edge_come_back() {
        for edge in [0, BLOCK, MAX_PADDED, MAX_PLAINTEXT, 2 * MAX_PADDED, 2 * MAX_PLAINTEXT, MAX_FRAME] {
            for length in edge.saturating_sub(7)..edge + 7 {
                for padding in [Padding::None, Padding::Block] {
                    let body = vec![5; length];
                    assert_eq!(through(&body, padding, length + 1), Ok(Some((9, body))), "{length}");
                }
            }
        }
    }

    #[test]
    fn a_message_over_the_limit_is_refused_by_its_length_alone() {
        let mut assembler = Assembler::default();
        assert_eq!(assembler.push(&[0xff, 0xff], 100), Ok(None));
        let failed = assembler.push(&[0xff, 0xff], 100).unwrap_err();
        assert_eq!(failed, ChannelFailed::MessageTooLong { length: 0xff_ffff, limit: 100 });
        assert!(assembler.message.capacity() <= 64);
    }

    #[test]
    fn empty_frames_empty_messages_and_hidden_bytes_are_refused() {
        for bad in [&[][..], &[0, 0, 0], &[0, 0, 1, 9, 0], &[0, 0, 1, 9, 7]] {
            assert_eq!(Assembler::default().push(bad, 100), Err(ChannelFailed::Malformed), "{bad:?}");
        }
        let mut hidden = cut(9, b"body", Padding::Block).next().unwrap();
        hidden[1000] = 1;
        assert_eq!(Assembler::default().push(&hidden, 100), Err(ChannelFailed::Malformed));
    }

    #[test]
    fn a_stream_is_cut_into_frames_however_it_arrives() {
        let stream: Vec<u8> = [frame(b"one"), frame(&[2; 300]), frame(b"3")].into_iter().flatten().collect();
        for portion in [1, 2, 3, 7, 100, stream.len()] {
            let mut deframer = Deframer::default();
            let mut frames = Vec::new();
            for part in stream.chunks(portion) {
                deframer.push(part);
                while let Some(frame) = deframer.next(300).unwrap() {
                    frames.push(frame.to_vec());
                }
            }
            assert_eq!(frames, [b"one".to_vec(), vec![2; 300], b"3".to_vec()]);
            assert!(deframer.is_empty());
        }
        for length in [0, 301] {
            let mut deframer = Deframer::default();
            deframer.push(&u16::to_be_bytes(length));
            let length = usize::from(length);
            assert_eq!(deframer.next(300), Err(ChannelFailed::FrameLength { length, limit: 300 }));
        }
    }
}
