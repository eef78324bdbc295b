//! CRC-32C (Castagnoli), the checksum of iSCSI, ext4 and most journals; RFC 3720, appendix B.4.
//!
//! Twenty lines of our own rather than a dependency: the journal moves a few megabytes per second,
//! for which a table of 256 entries is fast enough.

const POLYNOMIAL: u32 = 0x82f6_3b78; // 0x1edc6f41 with its bits reversed

const TABLE: [u32; 256] = table();

/// The checksum of several pieces, as if they were one.
pub(super) fn crc32c(pieces: &[&[u8]]) -> u32 {
    let mut crc = u32::MAX;
    for piece in pieces {
        for byte in *piece {
            let index = (crc ^ u32::from(*byte)) & 0xff;
            crc = (crc >> 8) ^ TABLE[index as usize];
        }
    }
    !crc
}

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut crc = index as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = (crc >> 1) ^ (POLYNOMIAL & (crc & 1).wrapping_neg());
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_published_checksum() {
        assert_eq!(crc32c(&[b"123456789"]), 0xe306_9283);
        assert_eq!(crc32c(&[b"1234", b"", b"56789"]), 0xe306_9283);
        // RFC 3720, B.4: 32 bytes of zeros, and 32 of ones.
        assert_eq!(crc32c(&[&[0; 32]]), 0x8a91_36aa);
        assert_eq!(crc32c(&[&[0xff; 32]]), 0x62a8_ab43);
        assert_eq!(crc32c(&[]), 0);
    }
}
