//! The one vocabulary: what a conversation with a model is, independent of any wire.
