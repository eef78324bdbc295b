//! The dialect `bedrock-converse`, which only providers speak.

mod answers;
mod cited;
mod fields;
mod recorded;
mod requests;
