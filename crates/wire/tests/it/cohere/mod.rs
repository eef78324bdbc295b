//! The dialect `cohere`, which only providers speak.

mod answers;
mod recorded;
mod requests;
