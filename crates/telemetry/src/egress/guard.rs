//! Which addresses may be asked: public ones, and those of networks that the operator allows.
//!
//! Source: IANA's registries of special-purpose addresses for IPv4 and IPv6, as of 2026, and the
//! addresses at which clouds answer for a machine's own secrets.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use http::Uri;

/// A network of addresses: `10.0.0.0/8`, `fd00::/8`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    first: IpAddr,
    bits: u32,
}

/// A text that is no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a network such as 10.0.0.0/8 or fd00::/8")]
pub struct NetworkMistake(String);

impl FromStr for Network {
    type Err = NetworkMistake;

    fn from_str(text: &str) -> Result<Self, NetworkMistake> {
        let mistake = || NetworkMistake(text.to_owned());
        let (address, bits) = text
            .split_once('/')
            .map_or((text, None), |(address, bits)| (address, Some(bits)));
        let first: IpAddr = address.trim().parse().map_err(|_| mistake())?;
        let most = if first.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), |bits| bits.trim().parse().map_err(|_| mistake()))?;
        if bits > most {
            return Err(mistake());
        }
        Ok(Self { first, bits })
    }
}

impl Network {
    const fn v4(a: u8, b: u8, c: u8, d: u8, bits: u32) -> Self {
        Self {
            first: IpAddr::V4(Ipv4Addr::new(a, b, c, d)),
            bits,
        }
    }

    const fn v6(a: u16, b: u16, bits: u32) -> Self {
        Self {
            first: IpAddr::V6(Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0)),
            bits,
        }
    }

    fn contains(self, address: IpAddr) -> bool {
        match (self.first, address) {
            (IpAddr::V4(first), IpAddr::V4(address)) => {
                let differs = first.to_bits() ^ address.to_bits();
                differs.leading_zeros() >= self.bits
            }
            (IpAddr::V6(first), IpAddr::V6(address)) => {
                let differs = first.to_bits() ^ address.to_bits();
                differs.leading_zeros() >= self.bits
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

/// What is not the public internet.
const SPECIAL: [Network; 21] = [
    Network::v4(0, 0, 0, 0, 8),
    Network::v4(10, 0, 0, 0, 8),
    Network::v4(100, 64, 0, 0, 10),
    Network::v4(127, 0, 0, 0, 8),
    // Where most clouds answer for a machine's own secrets.
    Network::v4(169, 254, 0, 0, 16),
    Network::v4(172, 16, 0, 0, 12),
    Network::v4(192, 0, 0, 0, 24),
    Network::v4(192, 0, 2, 0, 24),
    Network::v4(192, 88, 99, 0, 24),
    Network::v4(192, 168, 0, 0, 16),
    Network::v4(198, 18, 0, 0, 15),
    Network::v4(198, 51, 100, 0, 24),
    Network::v4(203, 0, 113, 0, 24),
    Network::v4(224, 0, 0, 0, 4),
    Network::v4(240, 0, 0, 0, 4),
    // Azure's, in the middle of public addresses.
    Network::v4(168, 63, 129, 16, 32),
    Network::v6(0x2001, 0, 23),
    Network::v6(0x2001, 0xdb8, 32),
    // An address of IPv4 hides in these.
    Network::v6(0x2002, 0, 16),
    Network::v6(0x3fff, 0, 20),
    Network::v6(0x5f00, 0, 16),
];

/// Global unicast: whatever lies outside is somebody's own.
const GLOBAL_V6: Network = Network::v6(0x2000, 0, 3);

/// Decides who may be asked.
#[derive(Debug, Clone, Default)]
pub struct Guard {
    allowed: Vec<Network>,
    is_open: bool,
}

impl Guard {
    /// Lets public addresses through, and these networks.
    #[must_use]
    pub const fn new(allowed: Vec<Network>) -> Self {
        Self {
            allowed,
            is_open: false,
        }
    }

    /// Lets everything through: for addresses that the operator has written.
    #[must_use]
    pub const fn open() -> Self {
        Self {
            allowed: Vec::new(),
            is_open: true,
        }
    }

    /// Whether an address may be asked.
    #[must_use]
    pub fn lets_through(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        if self.is_open || self.allowed.iter().any(|network| network.contains(address)) {
            return true;
        }
        let is_special = SPECIAL.iter().any(|network| network.contains(address));
        !is_special && (address.is_ipv4() || GLOBAL_V6.contains(address))
    }

    /// Whether a URL has a form that may be asked at all: `http` or `https`, a host, no user name. An
    /// address in place of the name is judged here, names are when they are resolved.
    ///
    /// # Errors
    /// With what is wrong, in words.
    pub fn judge(&self, uri: &Uri) -> Result<(), &'static str> {
        if !matches!(uri.scheme_str(), Some("http" | "https")) {
            return Err("it is no http or https URL");
        }
        let authority = uri.authority().ok_or("it has no host")?;
        if authority.as_str().contains('@') {
            return Err("it has a user name; use a header or the settings of its type");
        }
        let host = authority
            .host()
            .trim_start_matches('[')
            .trim_end_matches(']');
        match host.parse::<IpAddr>() {
            Ok(address) if !self.lets_through(address) => Err(NOT_PUBLIC),
            Ok(_) | Err(_) if host.is_empty() => Err("it has no host"),
            Ok(_) | Err(_) => Ok(()),
        }
    }
}

/// What is said of an address that is not let through; never which one it was, which would tell a
/// stranger of our network.
pub(super) const NOT_PUBLIC: &str =
    "its address is not a public one (egress.allow names networks that may be asked all the same)";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_and_allowed_networks_are_let_through() {
        let guard = Guard::new(vec!["10.1.0.0/16".parse().unwrap(), "::1".parse().unwrap()]);
        let check = |address: &str, expected: bool| {
            let address: IpAddr = address.parse().unwrap();
            assert_eq!(guard.lets_through(address), expected, "{address}");
        };
        for public in [
            "1.1.1.1",
            "172.15.0.1",
            "172.32.0.1",
            "2606:4700::1111",
            "168.63.129.17",
        ] {
            check(public, true);
        }
        for special in [
            "0.0.0.0",
            "10.0.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "127.255.255.254",
            "168.63.129.16",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "198.19.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "ff02::1",
        ] {
            check(special, false);
        }
        check("10.1.2.3", true);
        check("::ffff:10.1.2.3", true);
        check("::1", true);
        assert!(Guard::open().lets_through("127.0.0.1".parse().unwrap()));
    }

    #[test]
    fn urls_that_lead_around_the_guard_are_refused() {
        let guard = Guard::default();
        for (url, is_fine) in [
            ("https://example.com/v1/traces", true),
            ("http://example.com:4318", true),
            ("https://1.1.1.1/", true),
            ("https://127.0.0.1/", false),
            ("https://[::1]:4318/", false),
            ("https://[::ffff:10.0.0.1]/", false),
            ("http://169.254.169.254/latest/meta-data", false),
            ("https://user:password@example.com/", false),
            ("ftp://example.com/", false),
            ("/only/a/path", false),
        ] {
            let uri: Uri = url.parse().unwrap();
            assert_eq!(guard.judge(&uri).is_ok(), is_fine, "{url}");
        }
        for text in ["", "10.0.0.0/33", "ten", "10.0.0.0/x", "::/129"] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }
}
