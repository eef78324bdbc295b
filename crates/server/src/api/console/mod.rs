//! `GET /`: one static page that says what this is and how to make the first request.
//!
//! It holds nothing that depends on the caller, runs no script and loads nothing, which its
//! headers enforce.

pub mod page;

pub use page::index;
