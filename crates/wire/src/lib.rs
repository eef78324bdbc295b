//! Every dialect, to and from the vocabulary of `chat`.
