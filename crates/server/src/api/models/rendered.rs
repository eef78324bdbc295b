//! The unfiltered list of models, written once per catalog: it is asked for often and is large.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use catalog::Catalog;

/// One rendered list, and the catalog it was made from. Empty at first.
#[derive(Debug, Default)]
pub struct Rendered(ArcSwapOption<(Arc<Catalog>, Bytes)>);

impl Rendered {
    /// The list of this catalog: the kept one, or else what `render` makes, which is kept.
    ///
    /// # Errors
    /// Those of `render`; nothing is kept then.
    pub fn of<E>(
        &self,
        catalog: &Arc<Catalog>,
        render: impl FnOnce() -> Result<Bytes, E>,
    ) -> Result<Bytes, E> {
        if let Some(kept) = &*self.0.load()
            && Arc::ptr_eq(&kept.0, catalog)
        {
            return Ok(kept.1.clone());
        }
        let bytes = render()?;
        self.0
            .store(Some(Arc::new((Arc::clone(catalog), bytes.clone()))));
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_catalog_is_rendered_once() {
        let rendered = Rendered::default();
        let (first, second) = (Arc::new(Catalog::default()), Arc::new(Catalog::default()));
        let of = |catalog, text: &'static str| {
            rendered.of(catalog, || Ok::<_, ()>(Bytes::from_static(text.as_bytes())))
        };
        assert_eq!(of(&first, "1").unwrap(), "1");
        assert_eq!(of(&first, "2").unwrap(), "1");
        assert_eq!(of(&second, "3").unwrap(), "3");
        assert_eq!(rendered.of(&first, || Err(())), Err(()));
        assert_eq!(of(&second, "4").unwrap(), "3");
    }
}
