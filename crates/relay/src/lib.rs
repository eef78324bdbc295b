//! One call, start to end: plan, attempt, stream, record.
