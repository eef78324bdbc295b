//! The id of a tool call in the form that a dialect takes. The same id always gets the same one, so
//! that results find their calls and prompts stay cacheable.

/// An id in letters, digits, `_` and `-` alone; never an empty one.
pub(crate) fn of_words(id: &str) -> String {
    let is_allowed = |letter: char| letter.is_ascii_alphanumeric() || "_-".contains(letter);
    let fit = |letter| if is_allowed(letter) { letter } else { '_' };
    match id {
        "" => "call".to_owned(),
        id => id.chars().map(fit).collect(),
    }
}

/// An id of no more letters than a dialect takes; a longer one ends in its own hash, so that no two
/// become the same.
pub(crate) fn shortened(id: &str, letters_max: usize) -> String {
    if id.chars().count() <= letters_max {
        return id.to_owned();
    }
    let start: String = id.chars().take(letters_max.saturating_sub(17)).collect();
    format!("{start}_{:016x}", fnv(id.as_bytes()))
}

/// The hash FNV-1a, 64 bits: the same on every machine and in every version, which no hasher of `std`
/// is. <http://www.isthe.com/chongo/tech/comp/fnv/>
pub(crate) fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_fit_and_stay_apart() {
        assert_eq!(of_words("call_1"), "call_1");
        assert_eq!(of_words("a.b:c"), "a_b_c");
        assert_eq!(of_words(""), "call");
        let long = |last: char| format!("{}{last}", "é".repeat(100));
        let (one, other) = (shortened(&long('1'), 64), shortened(&long('2'), 64));
        assert_ne!(one, other);
        assert_eq!(one.chars().count(), 64);
        assert_eq!(shortened(&long('1'), 64), one);
        assert_eq!(shortened("short", 64), "short");
    }
}
