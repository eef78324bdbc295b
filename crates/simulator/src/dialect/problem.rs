//! Why a request gets an error instead of an answer.

use std::borrow::Cow;

/// An error, before a dialect gives it its shape.
#[derive(Clone, Debug, Default)]
pub(crate) struct Problem {
    pub(crate) status: u16,
    pub(crate) message: String,
    /// The field at fault, in dialects that say so.
    pub(crate) param: Option<Cow<'static, str>>,
    /// The dialect's own word for the error, where it is not the usual one of the status.
    pub(crate) code: Option<String>,
}

impl Problem {
    /// A request that cannot be answered because of this field.
    pub(crate) fn bad_field(
        param: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            param: Some(param.into()),
            ..Self::bad(message)
        }
    }

    /// A request that cannot be answered.
    pub(crate) fn bad(message: impl Into<String>) -> Self {
        Self::new(400, message)
    }

    /// A problem without a field.
    pub(crate) fn new(status: u16, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            param: None,
            code: None,
        }
    }

    pub(crate) fn with_code(mut self, code: &str) -> Self {
        self.code = Some(code.to_owned());
        self
    }
}
