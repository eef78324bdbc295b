//! CRC-32C (Castagnoli), the checksum of iSCSI, ext4 and most journals; RFC 3720, appendix B.4.

use ::crc32c::crc32c_append;

/// The checksum of several pieces, as if they were one. Every call's record passes through here, so it
/// is the processor that computes it, where it knows how.
pub(super) fn crc32c(pieces: &[&[u8]]) -> u32 {
    let append = |sum, piece: &&[u8]| crc32c_append(sum, piece);
    pieces.iter().fold(0, append)
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

    #[test]
    fn it_does_not_matter_where_pieces_begin() {
        let bytes: Vec<u8> = (0..100).map(|n: u8| n.wrapping_mul(37)).collect();
        let whole = crc32c(&[&bytes]);
        for at in 0..bytes.len() {
            let (one, other) = bytes.split_at(at);
            assert_eq!(crc32c(&[one, other]), whole, "{at}");
        }
    }
}
