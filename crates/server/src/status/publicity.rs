//! Whether anybody may look at the status page. Nobody may until an operator says so: in the
//! configuration, which wins, or in the console.

use std::sync::atomic::{AtomicBool, Ordering};

use store::{Store, StoreError};

use crate::config::status::StatusPage;

/// The setting of the store that what was chosen in the console is kept in.
pub const SETTING: &str = "status/public";

/// What was chosen, and who chose.
#[derive(Debug)]
pub struct Publicity {
    configured: StatusPage,
    chosen: AtomicBool,
}

impl Publicity {
    /// As the configuration and the store have it.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn read(configured: StatusPage, store: &Store) -> Result<Self, StoreError> {
        Ok(Self {
            configured,
            chosen: AtomicBool::new(chosen(store).await?),
        })
    }

    /// Reads again what was chosen, perhaps at another replica.
    ///
    /// # Errors
    /// When the store is away; what was known stays then.
    pub async fn follow(&self, store: &Store) -> Result<(), StoreError> {
        self.chosen.store(chosen(store).await?, Ordering::Relaxed);
        Ok(())
    }

    /// Keeps what was chosen.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn choose(
        &self,
        is_public: bool,
        store: &Store,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let text = is_public.to_string();
        store.settings().set(SETTING, &text, now_ms).await?;
        self.chosen.store(is_public, Ordering::Relaxed);
        Ok(())
    }

    /// Whether anybody may look.
    #[must_use]
    pub fn is_public(&self) -> bool {
        match self.configured {
            StatusPage::Public => true,
            StatusPage::Private => false,
            StatusPage::AsChosen => self.chosen.load(Ordering::Relaxed),
        }
    }

    /// Whether the configuration has decided.
    #[must_use]
    pub fn is_configured(&self) -> bool {
        self.configured != StatusPage::AsChosen
    }
}

/// Anything but a clear yes is a no.
async fn chosen(store: &Store) -> Result<bool, StoreError> {
    let setting = store.settings().get(SETTING).await?;
    Ok(setting.is_some_and(|setting| setting.value == "true"))
}
