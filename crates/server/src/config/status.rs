//! `[status]`: who may look at the status page.

use super::reader::Reader;

/// Who may look at it without a key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum StatusPage {
    /// What was chosen in the console; nobody until then.
    #[default]
    AsChosen,
    /// Anybody.
    Public,
    /// Nobody.
    Private,
}

/// Reads `[status]`.
pub(super) fn status(reader: &mut Reader<'_>) -> StatusPage {
    let mut section = reader.section("status");
    let pages = [
        ("chosen", StatusPage::AsChosen),
        ("public", StatusPage::Public),
        ("private", StatusPage::Private),
    ];
    let page = section.choice("page", &pages);
    section.finish();
    // A word that is none of them is reported; nobody gets in by a mistake.
    page.unwrap_or_default()
}
