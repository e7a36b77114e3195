//! A chain of certificates as it travels in the handshake.

use super::SyncFailed;
use crate::identity::cbor::{Malformed, Reader, Writer};
use crate::sync::proof::MAX_RECORDS;

pub(super) fn encode_chain(chain: &[Vec<u8>]) -> Vec<u8> {
    Writer::array(chain.len() as u64).all(chain).done()
}

pub(super) fn decode_chain(bytes: &[u8]) -> Result<Vec<Vec<u8>>, SyncFailed> {
    let read = || -> Result<Vec<Vec<u8>>, Malformed> {
        let (mut reader, count) = Reader::list(bytes)?;
        if count > MAX_RECORDS {
            return Err(Malformed);
        }
        let chain = (0..count).map(|_| Ok(reader.bytes()?.to_vec())).collect::<Result<_, Malformed>>()?;
        reader.end()?;
        Ok(chain)
    };
    read().map_err(|Malformed| SyncFailed::Protocol("proof"))
}
