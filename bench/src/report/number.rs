//! Numbers as people read them.

/// Groups of three digits: `1,234,567`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Microseconds as milliseconds, with as many digits as say something.
pub(super) fn ms(micros: u64) -> String {
    match micros {
        0..10_000 => format!("{:.2}", micros as f64 / 1000.0),
        10_000..100_000 => format!("{:.1}", micros as f64 / 1000.0),
        _ => grouped(micros / 1000),
    }
}

/// Nanoseconds as microseconds.
pub(super) fn us(nanos: u64) -> String {
    if nanos < 100_000 {
        format!("{:.1}", nanos as f64 / 1000.0)
    } else {
        grouped(nanos / 1000)
    }
}

/// KiB as MiB.
pub(super) fn mib(kib: u64) -> String {
    format!("{:.1}", kib as f64 / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_in_threes() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_000), "1,000");
        assert_eq!(grouped(1_234_567), "1,234,567");
    }

    #[test]
    fn times_keep_about_three_digits() {
        assert_eq!(ms(456), "0.46");
        assert_eq!(ms(12_345), "12.3");
        assert_eq!(ms(1_234_567), "1,234");
        assert_eq!(us(10_050), "10.1");
        assert_eq!(us(1_234_567), "1,234");
        assert_eq!(mib(61_440), "60.0");
    }
}
