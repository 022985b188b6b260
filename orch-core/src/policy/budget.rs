//! How much may be spent, and what has been.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::error::{Error, Kind, Result};

/// Calls, tokens, money and time that a run, and everything inside it, may use.
///
/// What a call can cost is *reserved* before it, what it did cost is *committed* after it, and the rest is refunded. A
/// reservation is refused when it would not fit beside what is spent and reserved already, unless nothing is reserved
/// and something is left: then one call may go beyond. So a budget is never exceeded by more than one call's
/// reservation, however many branches share it, and it can be used up.
///
/// A clone shares the same ledger. A [part](Budget::part) has limits of its own inside those of the whole.
///
/// ```
/// use orch_core::{Budget, Limits, Spending};
///
/// let whole = Budget::new(Limits::new().calls(10).dollars(0.50));
/// let part = whole.part(Limits::new().calls(2));
/// let reservation = part.reserve(Spending::new(1, 900, 0.02))?;
/// reservation.commit(Spending::new(1, 400, 0.01));
/// assert_eq!(whole.spent().calls(), 1);
/// assert_eq!(whole.spent().dollars(), 0.01);
/// # orch_core::Ok(())
/// ```
#[derive(Clone)]
pub struct Budget(Arc<Ledger>);

struct Ledger {
    limits: Limits,
    begun: Instant,
    accounts: Mutex<Accounts>,
    whole: Option<Budget>,
}

#[derive(Clone, Copy, Default)]
struct Accounts {
    spent: Spending,
    reserved: Spending,
    /// How many reservations are open.
    open: usize,
}

/// What a [`Budget`] allows; without limits, everything.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[must_use]
pub struct Limits {
    calls: Option<u64>,
    tokens: Option<u64>,
    nano_dollars: Option<u64>,
    time: Option<Duration>,
}

impl Limits {
    /// No limits.
    pub fn new() -> Self {
        Self::default()
    }

    /// At most so many calls.
    pub fn calls(self, calls: u64) -> Self {
        Self { calls: Some(calls), ..self }
    }

    /// At most so many tokens, read and written.
    pub fn tokens(self, tokens: u64) -> Self {
        Self { tokens: Some(tokens), ..self }
    }

    /// At most so many dollars.
    pub fn dollars(self, dollars: f64) -> Self {
        Self { nano_dollars: Some(nano(dollars)), ..self }
    }

    /// No call begins later than this after the budget was made.
    pub fn time(self, time: Duration) -> Self {
        Self { time: Some(time), ..self }
    }
}

/// Calls, tokens and money. Money is counted in whole billionths of a dollar, so that sums are exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spending {
    calls: u64,
    tokens: u64,
    nano_dollars: u64,
}

impl Spending {
    /// So many calls, tokens and dollars.
    #[must_use]
    pub fn new(calls: u64, tokens: u64, dollars: f64) -> Self {
        Self { calls, tokens, nano_dollars: nano(dollars) }
    }

    /// How many calls.
    #[must_use]
    pub fn calls(self) -> u64 {
        self.calls
    }

    /// How many tokens, read and written.
    #[must_use]
    pub fn tokens(self) -> u64 {
        self.tokens
    }

    /// How many dollars.
    #[must_use]
    pub fn dollars(self) -> f64 {
        self.nano_dollars as f64 / 1e9
    }

    fn and(self, other: Self) -> Self {
        Self {
            calls: self.calls.saturating_add(other.calls),
            tokens: self.tokens.saturating_add(other.tokens),
            nano_dollars: self.nano_dollars.saturating_add(other.nano_dollars),
        }
    }

    fn without(self, other: Self) -> Self {
        Self {
            calls: self.calls.saturating_sub(other.calls),
            tokens: self.tokens.saturating_sub(other.tokens),
            nano_dollars: self.nano_dollars.saturating_sub(other.nano_dollars),
        }
    }
}

fn nano(dollars: f64) -> u64 {
    // A cast saturates, and makes nothing of what is no number.
    (dollars * 1e9).ceil() as u64
}

/// What is used up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BudgetExceeded {
    /// What there is no more of.
    pub limit: BudgetLimit,
    /// What is spent.
    pub spent: Spending,
}

/// A limit of a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BudgetLimit {
    /// Calls.
    Calls,
    /// Tokens.
    Tokens,
    /// Dollars.
    Dollars,
    /// Time.
    Time,
}

impl fmt::Display for BudgetExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.limit {
            BudgetLimit::Calls => "calls",
            BudgetLimit::Tokens => "tokens",
            BudgetLimit::Dollars => "dollars",
            BudgetLimit::Time => "time",
        };
        let Spending { calls, tokens, .. } = self.spent;
        let dollars = self.spent.dollars();
        write!(f, "the budget has no {what} left: {calls} calls, {tokens} tokens and ${dollars:.6} are spent")
    }
}

impl std::error::Error for BudgetExceeded {}

impl Budget {
    /// A budget of its own.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self::of(limits, None)
    }

    /// A budget inside this one: what it spends, this one spends too.
    #[must_use]
    pub fn part(&self, limits: Limits) -> Self {
        Self::of(limits, Some(self.clone()))
    }

    fn of(limits: Limits, whole: Option<Self>) -> Self {
        Self(Arc::new(Ledger { limits, begun: Instant::now(), accounts: Mutex::default(), whole }))
    }

    /// What has been spent so far, without what is reserved.
    #[must_use]
    pub fn spent(&self) -> Spending {
        self.accounts().spent
    }

    /// Puts aside what a call can cost.
    ///
    /// # Errors
    ///
    /// [`Kind::Budget`], with [`BudgetExceeded`] as its source, when this budget or one around it has not enough left.
    pub fn reserve(&self, amount: Spending) -> Result<Reservation> {
        self.hold(amount)?;
        Ok(Reservation { budget: self.clone(), amount, open: true })
    }

    fn hold(&self, amount: Spending) -> Result<()> {
        let mut accounts = self.accounts();
        if let Some(limit) = self.missing(&accounts, amount) {
            return Err(Error::of_kind(Kind::Budget, BudgetExceeded { limit, spent: accounts.spent }));
        }
        // Always from the part to the whole: nobody waits in a circle.
        if let Some(whole) = &self.0.whole {
            whole.hold(amount)?;
        }
        accounts.reserved = accounts.reserved.and(amount);
        accounts.open += 1;
        Ok(())
    }

    /// The limit that `amount` would break.
    fn missing(&self, accounts: &Accounts, amount: Spending) -> Option<BudgetLimit> {
        let Limits { calls, tokens, nano_dollars, time } = self.0.limits;
        if time.is_some_and(|time| self.0.begun.elapsed() >= time) {
            return Some(BudgetLimit::Time);
        }
        let taken = accounts.spent.and(accounts.reserved);
        let fits = |limit: Option<u64>, taken: u64, amount: u64| {
            let alone = accounts.open == 0 && limit.is_some_and(|limit| taken < limit);
            alone || limit.is_none_or(|limit| taken.saturating_add(amount) <= limit)
        };
        if !fits(calls, taken.calls, amount.calls) {
            Some(BudgetLimit::Calls)
        } else if !fits(tokens, taken.tokens, amount.tokens) {
            Some(BudgetLimit::Tokens)
        } else if !fits(nano_dollars, taken.nano_dollars, amount.nano_dollars) {
            Some(BudgetLimit::Dollars)
        } else {
            None
        }
    }

    fn release(&self, reserved: Spending, spent: Spending) {
        let mut accounts = self.accounts();
        accounts.reserved = accounts.reserved.without(reserved);
        accounts.spent = accounts.spent.and(spent);
        accounts.open = accounts.open.saturating_sub(1);
        drop(accounts);
        if let Some(whole) = &self.0.whole {
            whole.release(reserved, spent);
        }
    }

    fn accounts(&self) -> MutexGuard<'_, Accounts> {
        self.0.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Budget")
            .field("limits", &self.0.limits)
            .field("spent", &self.spent())
            .finish_non_exhaustive()
    }
}

/// What is put aside for a call. Dropped, it goes back whole.
#[derive(Debug)]
#[must_use = "what is reserved goes back when the reservation is dropped"]
pub struct Reservation {
    budget: Budget,
    amount: Spending,
    open: bool,
}

impl Reservation {
    /// What is reserved.
    #[must_use]
    pub fn amount(&self) -> Spending {
        self.amount
    }

    /// Charges what the call did cost, which may be more than was reserved, and gives back the rest.
    pub fn commit(mut self, spent: Spending) {
        self.open = false;
        self.budget.release(self.amount, spent);
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if self.open {
            self.budget.release(self.amount, Spending::default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_goes_back() {
        let budget = Budget::new(Limits::new().tokens(100));
        let held = budget.reserve(Spending::new(1, 60, 0.0)).unwrap();
        let refused = budget.reserve(Spending::new(1, 60, 0.0)).unwrap_err();
        assert_eq!(refused.kind(), Kind::Budget);
        assert_eq!(refused.downcast_ref::<BudgetExceeded>().unwrap().limit, BudgetLimit::Tokens);
        drop(held);
        budget.reserve(Spending::new(1, 60, 0.0)).unwrap().commit(Spending::new(1, 55, 0.0));
        assert_eq!(budget.spent().tokens(), 55);
    }

    #[test]
    fn one_alone_may_go_beyond_and_then_nobody() {
        let budget = Budget::new(Limits::new().tokens(100));
        budget.reserve(Spending::new(1, 400, 0.0)).unwrap().commit(Spending::new(1, 99, 0.0));
        let last = budget.reserve(Spending::new(1, 400, 0.0)).unwrap();
        assert!(budget.reserve(Spending::new(1, 1, 0.0)).is_err(), "one is beyond already");
        last.commit(Spending::new(1, 400, 0.0));
        assert_eq!(budget.spent().tokens(), 499);
        assert!(budget.reserve(Spending::new(1, 1, 0.0)).is_err());
    }

    #[test]
    fn a_part_is_bounded_by_the_whole_and_leaves_nothing_behind() {
        let whole = Budget::new(Limits::new().calls(1));
        let part = whole.part(Limits::new().calls(5));
        let held = part.reserve(Spending::new(1, 0, 0.0)).unwrap();
        assert!(part.reserve(Spending::new(1, 0, 0.0)).is_err());
        assert_eq!(part.accounts().open, 1, "a refusal of the whole holds nothing in the part");
        held.commit(Spending::new(1, 0, 0.0));
        assert_eq!((whole.spent().calls(), part.spent().calls()), (1, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_begins_after_its_time() {
        let budget = Budget::new(Limits::new().time(Duration::from_secs(5)));
        assert!(budget.reserve(Spending::default()).is_ok());
        tokio::time::advance(Duration::from_secs(5)).await;
        let error = budget.reserve(Spending::default()).unwrap_err();
        assert_eq!(error.downcast_ref::<BudgetExceeded>().unwrap().limit, BudgetLimit::Time);
    }
}
