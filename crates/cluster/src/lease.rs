//! Counts that replicas share: each one leases a part, and uses it up in memory.
//!
//! A count belongs to nobody: it is the sum of what the processes hold of it, and Valkey adds to one
//! of them only what keeps the sum within the limit. A process says each time what it holds
//! altogether. So a question whose answer was lost is simply asked again, and after Valkey has lost
//! its memory the processes fill it anew.

use redis::{Pipeline, Value};

use crate::link::{Away, Link};
use crate::scripts::LEASE;

/// The largest count: Valkey's scripts reckon in doubles, which are exact up to here.
pub const COUNT_MAX: u64 = (1 << 53) - 1;

/// What a process says and asks about one count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The count's name, the same in every process.
    pub name: String,
    /// The number of the question; each one about a count must be greater than those before.
    pub number: u64,
    /// What this process holds: never less than what it has used.
    pub held: u64,
    /// What it would like to hold more.
    pub want: u64,
    /// The most that all may hold together.
    pub limit: u64,
    /// How long Valkey keeps the count after the last question, milliseconds.
    pub lives_ms: u64,
    /// After how long a process that says nothing holds nothing, milliseconds; 0 is never.
    pub silent_ms: u64,
}

/// What holds after a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leased {
    /// What this process holds.
    pub held: u64,
    /// What all others hold.
    pub others: u64,
}

/// Claims all of it in one round trip; the answers are in the order of the claims.
///
/// # Errors
/// [`Away`]; what became of the claims is not known then, and need not be.
pub async fn lease(link: &Link, claims: &[Claim]) -> Result<Vec<Leased>, Away> {
    let mut pipeline = Pipeline::with_capacity(claims.len());
    for claim in claims {
        pipeline
            .cmd("EVAL")
            .arg(LEASE)
            .arg(1)
            .arg(format!("waybill:count:{}", claim.name))
            .arg(link.name())
            .arg(claim.number)
            .arg(claim.held.min(COUNT_MAX))
            .arg(claim.want.min(COUNT_MAX))
            .arg(claim.limit.min(COUNT_MAX))
            .arg(claim.lives_ms)
            .arg(claim.silent_ms);
    }
    let values = link.ask(&pipeline).await?;
    let leased: Vec<Leased> = values.iter().filter_map(read).collect();
    if leased.len() != claims.len() {
        return Err(Away::unread());
    }
    Ok(leased)
}

fn read(value: &Value) -> Option<Leased> {
    let Value::Array(parts) = value else {
        return None;
    };
    let [Value::Int(held), Value::Int(others)] = parts.as_slice() else {
        return None;
    };
    Some(Leased {
        held: u64::try_from(*held).ok()?,
        others: u64::try_from(*others).ok()?,
    })
}
