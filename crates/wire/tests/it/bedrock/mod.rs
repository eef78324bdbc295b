//! The dialect `bedrock-converse`, which only providers speak.

mod answers;
mod recorded;
mod requests;
