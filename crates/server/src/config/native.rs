//! `[native]`: what may be asked of providers' own APIs through us.

use super::reader::Reader;

/// Which paths of a provider's own API are passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NativeAccess {
    /// All. What generates something that cannot be metered is refused to callers under budgets.
    All,
    /// Those that generate something whose usage can be read.
    Metered,
    /// None.
    Off,
}

/// Reads `[native]`.
pub(super) fn native(reader: &mut Reader<'_>) -> NativeAccess {
    let mut section = reader.section("native");
    let choices = [
        ("all", NativeAccess::All),
        ("metered", NativeAccess::Metered),
        ("off", NativeAccess::Off),
    ];
    let access = section.choice("access", &choices);
    section.finish();
    access.unwrap_or(NativeAccess::All)
}
