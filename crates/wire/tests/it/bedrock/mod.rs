//! The dialect `bedrock-converse`, which only providers speak.

mod answers;
mod cited;
mod recorded;
mod requests;
