//! CRC-32 (the one of gzip, PNG and Ethernet), which AWS event streams carry twice per message.

use crc::{CRC_32_ISO_HDLC, Crc};

static ETHERNET: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);

/// The checksum of some bytes.
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    ETHERNET.checksum(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_published_checksum() {
        // The check values of the catalogue of parametrised CRCs, and of RFC 1952's algorithm.
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b""), 0);
        assert_eq!(crc32(&[0; 32]), 0x190a_55ad);
    }
}
