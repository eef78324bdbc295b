//! What a caller is told when money or a price is lacking.

use std::sync::Arc;
use std::time::Duration;

use chat::{Error, Kind};
use ledger::{BooksUnavailable, Budget, Exhausted, Subject};

/// When a caller may try again after our own books could not be reached.
const BOOKS_RETRY: Duration = Duration::from_secs(5);

/// The money does not reach. `affordable` is per choice; the first sentences are OpenRouter's, which
/// clients read numbers from.
pub(super) fn too_dear(wanted: u64, affordable: u64, exhausted: &Exhausted) -> Error {
    let message = format!(
        "This request requires more credits, or fewer max_tokens. You requested up to {wanted} tokens, \
         but can only afford {affordable}. {}",
        remedy(exhausted)
    );
    Error::caller(Kind::PaymentRequired, message)
}

/// Nothing is left at all. A budget that a workspace was given is a matter of policy, not of money:
/// 403, in the words of the reference; everything else is 402.
pub(super) fn used_up(exhausted: &Exhausted, budgets: &[Arc<Budget>]) -> Error {
    let budget = budgets.iter().find(|budget| budget.id == exhausted.budget);
    if let Some((budget, interval)) = budget.and_then(|budget| Some((budget, interval(budget)?))) {
        let message = format!(
            "Workspace {interval} budget of ${} exceeded. Contact your org admin.",
            budget.limit
        );
        return Error::caller(Kind::PermissionDenied, message);
    }
    let message = format!("Insufficient credits. {}", remedy(exhausted));
    Error::caller(Kind::PaymentRequired, message)
}

/// The interval of a budget that a workspace was given by its own path; not its balance, and no
/// budget of another kind.
fn interval(budget: &Budget) -> Option<&'static str> {
    let Subject::Workspace(id) = &budget.subject else {
        return None;
    };
    let rest = budget.id.as_str().strip_prefix("workspace:")?;
    let name = rest.strip_prefix(id.as_str())?.strip_prefix(':')?;
    ["lifetime", "monthly", "weekly", "daily"]
        .into_iter()
        .find(|interval| *interval == name)
}

fn remedy(exhausted: &Exhausted) -> String {
    let budget = &exhausted.budget;
    match exhausted.ends_at {
        Some(at) => {
            format!("Raise the budget {budget}, or wait until it begins anew at {at} (Unix time)")
        }
        None => format!("Raise the budget {budget}"),
    }
}

/// The money is used up in the middle of a stream.
pub(super) fn spent(exhausted: Option<&Exhausted>) -> Error {
    match exhausted {
        Some(exhausted) => {
            let message = format!(
                "The answer ends here: no credits are left. {}",
                remedy(exhausted)
            );
            Error::caller(Kind::PaymentRequired, message)
        }
        None => Error::gateway(
            Kind::GatewayUnavailable,
            "The answer ends here: the books cannot be reached, and what was held for it is used up",
        ),
    }
}

/// No endpoint of the plan has a price, and the workspace does not allow that.
pub(super) fn unpriced(models: &[String]) -> Error {
    let message = format!(
        "Nobody states a price for {}, and this workspace denies calls without a price. \
         State a price for it, or allow calls without one in the workspace's settings",
        models.join(", ")
    );
    Error::caller(Kind::PaymentRequired, message)
}

/// The books cannot be reached: never the caller's fault.
pub(super) fn unavailable(error: &BooksUnavailable) -> Error {
    let mut error = Error::gateway(
        Kind::GatewayUnavailable,
        "Spending cannot be accounted for at the moment; try again",
    )
    .with_detail(error.to_string());
    error.metadata_mut().retry_after = Some(BOOKS_RETRY);
    error
}
