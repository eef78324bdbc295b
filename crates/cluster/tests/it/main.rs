//! The link and the leases on a real Valkey. Without `TEST_VALKEY_URL` these tests say so and do
//! nothing.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop there"
)]

mod lease;
mod tls;
