//! The program itself, as a person or a script runs it.

mod check;
mod key;
mod program;
mod serve;
