//! The simulator over real sockets: every ability, proven by a client that shares no code with it.

mod binary;
mod client;
mod signing;

mod anthropic;
mod azure;
mod bedrock;
mod caching;
mod cited;
mod cohere;
mod content;
mod free_text;
mod gemini;
mod grammar;
mod http2;
mod ledger;
mod logprobs;
mod over_http;
mod pace;
mod personas;
mod plain;
mod raw;
mod responses;
mod trouble;
mod usage;
mod vertex;
