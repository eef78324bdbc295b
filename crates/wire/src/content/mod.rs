//! What was asked and what was answered, for those who keep it and show it: a stream folded into one
//! answer, a request in the one form that every reader of records knows. Off the path of calls.
//!
//! | file | holds |
//! |---|---|
//! | `answer.rs` | [`fold`]: the pieces of a stream as one answer; [`Said`]: what an answer says; [`answer_of`], [`answer_in`]: the same in the vocabulary |
//! | `question.rs` | [`input`]: what was asked, as messages or a prompt; [`conversation`]: the same in the vocabulary |

mod answer;
mod question;

pub use answer::{Said, answer_in, answer_of, fold, said_in};
pub use question::{conversation, input};
