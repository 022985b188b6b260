//! Programs as people write them: each of these once failed to compile, or gave something else.

use std::cell::Cell;
use std::sync::atomic::{AtomicU32, Ordering};

use orch_core::{Result, fan_out, route, workflow};
use tokio::time::Instant;

use crate::{after, assert_send, sum, timed};

async fn text(text: &str) -> Result<String> {
    after(100, text.to_owned()).await
}

async fn own(text: String) -> Result<String> {
    after(100, text).await
}

async fn number(n: u64) -> Result<u64> {
    after(100, n).await
}

async fn both(left: &str, right: &str) -> Result<String> {
    after(100, format!("{left}{right}")).await
}

async fn soon() -> u64 {
    tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    1
}

workflow!(
    async fn measured(t: &str) -> Result<u128> {
        let start = Instant::now();
        let a = text(t).await?;
        let b = text(&a).await?;
        let took = start.elapsed().as_millis();
        Ok(took + b.len() as u128)
    }
);

#[tokio::test(start_paused = true)]
async fn plain_code_that_no_step_needs_runs_after_the_steps_above_it() {
    assert!((200..=203).contains(&measured("").await.unwrap()));
}

workflow!(
    async fn mixed() -> Result<u64> {
        let a = soon().await;
        let b = number(1).await?;
        Ok(a + b)
    }
);

#[tokio::test(start_paused = true)]
async fn a_step_that_cannot_fail_runs_beside_one_that_can() {
    let (took, value) = timed(mixed()).await;
    assert_eq!((took, value.unwrap()), (100, 2));
}

workflow!(
    /// Not series-parallel; the slots' types are known only by their definitions.
    async fn coerced(t: &str) -> Result<String> {
        let a = text(t).await?;
        let b = text(t).await?;
        let c = text(t).await?;
        let d = both(&a, b.as_str()).await?;
        let e = both(&a, &c).await?;
        Ok(d + &e)
    }
);

struct Labelled {
    a: String,
    n: u64,
}

async fn labelled(value: Labelled) -> Result<usize> {
    after(100, value.a.len() + usize::try_from(value.n).unwrap()).await
}

workflow!(
    /// Not series-parallel, with shorthand, patterns and format strings that name what is lent.
    async fn spelled(t: &str) -> Result<String> {
        let a = text(t).await?;
        let n = number(2).await?;
        let m = number(3).await?;
        let size = labelled(Labelled { a: a.clone(), n }).await?;
        let head: Option<String> = a.strip_prefix("x").map(str::to_owned);
        let found = if let Some(a) = head { text(&a).await? } else { text("none").await? };
        let sum = number(n + m).await?;
        let shown = text(&format!("{n:>width$}{m}", width = 3)).await?;
        Ok(format!("{size} {found} {sum} {shown}"))
    }
);

#[tokio::test(start_paused = true)]
async fn graphs_that_are_not_series_parallel_take_any_rust() {
    let (took, value) = timed(assert_send(coerced("ab"))).await;
    assert_eq!((took, value.unwrap().as_str()), (200, "abababab"));
    assert_eq!(spelled("xyz").await.unwrap(), "5 yz 5   23");
    assert_eq!(spelled("").await.unwrap(), "2 none 5   23");
}

workflow!(
    async fn shadowed(t: &str) -> Result<String> {
        let x = text(t).await?;
        let x = own(x + "!").await?;
        let y = text(t).await?;
        Ok(x + &y)
    }
);

workflow!(
    async fn shadowed_argument(words: &str) -> Result<String> {
        let words = text(words).await?;
        let a = text(&words).await?;
        let b = own(words).await?;
        Ok(a + &b)
    }
);

#[tokio::test(start_paused = true)]
async fn a_name_may_be_given_again() {
    assert_eq!(shadowed("a").await.unwrap(), "a!a");
    assert_eq!(shadowed_argument("b").await.unwrap(), "bb");
}

struct Client(u32);

impl Client {
    async fn get(&mut self, key: &str) -> Result<String> {
        self.0 += 1;
        after(10, format!("{key}{}", self.0)).await
    }
}

workflow!(
    async fn borrowed_client(client: &mut Client) -> Result<String> {
        let a = client.get("a").await?;
        let b = client.get("b").await?;
        Ok(a + &b)
    }
);

workflow!(
    async fn owned_client(mut client: Client, yes: bool) -> Result<String> {
        let mut other = Client(5);
        let inside = if yes {
            let a = other.get("a").await?;
            let b = other.get("b").await?;
            a + &b
        } else {
            String::new()
        };
        let a = client.get("a").await?;
        let b = client.get("b").await?;
        Ok(inside + &a + &b)
    }
);

#[tokio::test(start_paused = true)]
async fn what_can_be_changed_keeps_program_order() {
    assert_eq!(borrowed_client(&mut Client(0)).await.unwrap(), "a1b2");
    assert_eq!(owned_client(Client(0), true).await.unwrap(), "a6b7a1b2");
}

async fn bytes(bytes: Vec<u8>) -> Result<usize> {
    after(10, bytes.len()).await
}

async fn many(all: Vec<String>) -> Result<usize> {
    after(10, all.len()).await
}

async fn with(f: impl Fn(usize) -> usize + Send) -> Result<usize> {
    after(10, f(1)).await
}

workflow!(
    async fn moved_by_a_method(t: String) -> Result<usize> {
        let a = text(&t).await?;
        let n = bytes(t.into_bytes()).await?;
        Ok(a.len() + n)
    }
);

workflow!(
    async fn moved_by_a_macro(t: String) -> Result<usize> {
        let a = text(&t).await?;
        let n = many(vec![t]).await?;
        Ok(a.len() + n)
    }
);

workflow!(
    async fn moved_by_a_closure(t: String) -> Result<usize> {
        let a = text(&t).await?;
        let n = with(move |n| n + t.len()).await?;
        Ok(a.len() + n)
    }
);

workflow!(
    async fn moved_by_a_match(t: Option<String>) -> Result<usize> {
        let a = text(t.as_deref().unwrap_or_default()).await?;
        let n = match t {
            Some(t) => own(t).await?,
            None => String::new(),
        };
        Ok(a.len() + n.len())
    }
);

#[tokio::test(start_paused = true)]
async fn a_value_is_moved_in_many_ways() {
    assert_eq!(moved_by_a_method("ab".to_owned()).await.unwrap(), 4);
    assert_eq!(moved_by_a_macro("ab".to_owned()).await.unwrap(), 3);
    assert_eq!(moved_by_a_closure("ab".to_owned()).await.unwrap(), 5);
    assert_eq!(moved_by_a_match(Some("ab".to_owned())).await.unwrap(), 4);
}

workflow!(
    #[allow(unused_variables, reason = "an attribute on the workflow is about its body")]
    async fn checked(t: &str, unused: u32) -> Result<usize> {
        let Ok(found) = text(t).await else {
            return Ok(0);
        };
        let long = route!(match found.len() > 3 {
            true => number(1),
            false => number(0),
        })
        .await?;
        let width = 5;
        let padded = text(&format!("{found:>width$}")).await?;
        Ok(padded.len() + usize::try_from(long)?)
    }
);

#[tokio::test(start_paused = true)]
async fn let_else_conditions_and_format_widths() {
    assert_eq!(checked("abcd", 0).await.unwrap(), 6);
}

workflow!(
    async fn collected(t: &str) -> Result<usize> {
        let a = text(t).await?;
        let b = text(t).await?;
        let words: Vec<&str> = a.split(' ').collect();
        let n = number(words.len() as u64).await?;
        let m = both(&a, &b).await?;
        Ok(usize::try_from(n)? + m.len() + words.len())
    }
);

#[tokio::test(start_paused = true)]
async fn plain_values_may_borrow_from_steps() {
    assert_eq!(collected("a b").await.unwrap(), 2 + 6 + 2);
}

struct Ticket {
    id: u64,
    text: String,
}

workflow!(
    async fn fields(ticket: Ticket) -> Result<u64> {
        let a = text(&ticket.text).await?;
        let b = number(ticket.id).await?;
        Ok(b + a.len() as u64)
    }
);

workflow!(
    async fn copied(id: u64) -> Result<u64> {
        let a = number(id + 1).await?;
        let b = fan_out!(l = number(id), r = number(id)).await?;
        let c = number(id).await?;
        Ok(a + b.l + b.r + c)
    }
);

#[tokio::test(start_paused = true)]
async fn fields_and_copies_do_not_wait_for_each_other() {
    let (took, value) = timed(fields(Ticket { id: 1, text: "ab".to_owned() })).await;
    assert_eq!((took, value.unwrap()), (100, 3));
    let (took, value) = timed(copied(1)).await;
    assert_eq!((took, value.unwrap()), (100, 5));
}

static CALLS: AtomicU32 = AtomicU32::new(0);

async fn every_other(item: u64) -> Result<u64> {
    after(10, ()).await?;
    if CALLS.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
        Err(orch_core::Error::message("try again"))
    } else {
        Ok(item)
    }
}

#[tokio::test(start_paused = true)]
async fn the_call_of_a_map_can_have_policies() {
    let on_the_call = fan_out!(for item in 1..4_u64 {
        #[retry(6, when = |error| error.to_string() == "try again")]
        every_other(item)
    });
    assert_eq!(on_the_call.await.unwrap(), [1, 2, 3]);
    let on_the_loop = fan_out!(
        #[retry(6)]
        for item in 1..4_u64 {
            every_other(item)
        }
    );
    assert_eq!(on_the_loop.await.unwrap(), [1, 2, 3]);
}

workflow!(
    async fn never(calls: &Cell<u32>) -> Result<u32> {
        #[retry(5, when = |error: &orch_core::Error| error.to_string().is_empty())]
        let value = refuse(calls).await?;
        Ok(value)
    }
);

async fn refuse(calls: &Cell<u32>) -> Result<u32> {
    calls.set(calls.get() + 1);
    Err(orch_core::Error::message("no"))
}

#[tokio::test(start_paused = true)]
async fn retry_when_takes_a_closure() {
    let calls = Cell::new(0);
    assert!(never(&calls).await.is_err());
    assert_eq!(calls.get(), 1);
}

workflow!(
    #[cfg(any())]
    async fn not_compiled() -> Result<u32> {
        let x = missing().await?;
        Ok(x)
    }
);

struct Desk {
    name: String,
    cache: orch_core::Cache<u64, u64>,
    limiter: orch_core::Limiter,
}

async fn ask(desk: &Desk, item: &str) -> Result<String> {
    after(10, format!("{}{item}", desk.name)).await
}

fn desk() -> Desk {
    let limiter = orch_core::Limiter::concurrency(1);
    Desk { name: "d".to_owned(), cache: orch_core::Cache::new(4), limiter }
}

workflow!(
    async fn borrowing_map(desk: Desk, items: Vec<String>) -> Result<Vec<String>> {
        let all = fan_out!(for item in &items {
            #[retry(2)]
            ask(&desk, item)
        })
        .await?;
        Ok(all)
    }
);

workflow!(
    #[allow(clippy::needless_borrow, reason = "it is needless, and it must work")]
    async fn referenced(desk: &Desk) -> Result<u64> {
        #[cache(&desk.cache, key = 1)]
        let a = number(1).await?;
        #[limit(&desk.limiter)]
        let b = number(2).await?;
        Ok(a + b)
    }
);

#[tokio::test(start_paused = true)]
async fn maps_with_policies_borrow_and_policies_take_references() {
    let items = vec!["a".to_owned(), "b".to_owned()];
    assert_eq!(borrowing_map(desk(), items).await.unwrap(), ["da", "db"]);
    assert_eq!(referenced(&desk()).await.unwrap(), 3);
    let desk = desk();
    let texts = ["x", "y"];
    let alone = fan_out!(for text in texts {
        #[timeout(1s)]
        ask(&desk, text)
    });
    assert_eq!(alone.await.unwrap(), ["dx", "dy"]);
}

/// Fails in its first two calls.
async fn third_time(calls: &AtomicU32) -> Result<u64> {
    after(10, ()).await?;
    let call = calls.fetch_add(1, Ordering::Relaxed) + 1;
    if call < 3 { Err(orch_core::Error::message(format!("call {call}"))) } else { Ok(u64::from(call)) }
}

workflow!(
    async fn arms_with_policies(quick: bool, calls: &AtomicU32) -> Result<u64> {
        #[or(9)]
        let a = route!(match quick {
            true => number(1),
            #[retry(3)]
            false => third_time(calls),
        })
        .await?;
        let b = route!(match quick {
            true => number(1),
            #[timeout(5ms)]
            false => number(2),
        })
        .await
        .unwrap_or(7);
        Ok(a * 10 + b)
    }
);

workflow!(
    async fn arms_in_the_tail(calls: &AtomicU32) -> Result<u64> {
        route!(match calls.load(Ordering::Relaxed) > 100 {
            true => number(1),
            #[retry(2)]
            false => third_time(calls),
        })
        .await
    }
);

#[tokio::test(start_paused = true)]
async fn the_arms_of_a_route_have_their_policies_wherever_it_stands() {
    assert_eq!(arms_with_policies(false, &AtomicU32::new(0)).await.unwrap(), 37);
    assert_eq!(arms_with_policies(true, &AtomicU32::new(0)).await.unwrap(), 11);
    let error = arms_in_the_tail(&AtomicU32::new(0)).await.unwrap_err();
    assert_eq!((error.attempts(), error.path()), (2, "third_time"));
}

async fn made<T: Default>(_: &str) -> Result<T> {
    after(1, T::default()).await
}

workflow!(
    async fn parameters<T: Default + ToString + Send, const N: usize>(x: &str) -> Result<String> {
        let a = made::<T>(x).await?;
        Ok(a.to_string().repeat(N))
    }
);

workflow!(
    async fn optional(found: Option<String>) -> Result<usize> {
        let size = route!(match found {
            Some(text) => labelled(Labelled { a: text.clone(), n: 1 }),
            None => labelled(Labelled { a: String::new(), n: 0 }),
        })
        .await?;
        Ok(size)
    }
);

#[tokio::test(start_paused = true)]
async fn parameters_that_only_the_caller_knows_and_options_as_routes() {
    assert_eq!(parameters::<u32, 3>("").await.unwrap(), "000");
    assert_eq!(optional(Some("ab".to_owned())).await.unwrap(), 3);
    assert_eq!(optional(None).await.unwrap(), 0);
}

workflow!(
    async fn conditional(n: u32) -> Result<u32> {
        let first = after(1, n).await?;
        #[cfg(test)]
        let second = after(2, first).await?;
        #[cfg(not(test))]
        let second = nobody_has_this(first).await?;
        #[cfg(any())]
        never_compiled(&second).await?;
        #[cfg_attr(test, retry(3))]
        #[cfg_attr(all(), name("third"))]
        let last = sum(1, &first, &second).await?;
        let routed = route!(match Side::Left {
            #[cfg(all())]
            Side::Left => after(1, last),
            #[cfg(any())]
            Side::Left => nobody_has_this(last),
            #[cfg_attr(test, retry(2))]
            Side::Right => after(1, last),
        })
        .await?;
        Ok(routed)
    }
);

#[tokio::test(start_paused = true)]
async fn a_step_under_a_cfg_is_in_the_graph_or_not_at_all() {
    assert_eq!(conditional(2).await.unwrap(), 4);
    let steps = conditional::PLAN.graph.steps;
    assert_eq!(steps.iter().map(|step| step.name).collect::<Vec<_>>(), ["after", "after", "third", "routed"]);
    assert_eq!((steps[2].policies.len(), steps[3].children.len()), (1, 2));
    assert_eq!(steps[3].children[1].steps[0].policies.len(), 1);
}

/// A call that is made on a value written in place.
struct Adder {
    base: u32,
}

impl Adder {
    async fn call(self, n: u32) -> Result<u32> {
        after(1, self.base + n).await
    }
}

impl std::ops::Add<u32> for Adder {
    type Output = std::future::Ready<Result<u32>>;

    fn add(self, n: u32) -> Self::Output {
        std::future::ready(Ok(self.base + n))
    }
}

workflow!(
    async fn written_in_place(way: Side, n: u32) -> Result<u32> {
        #[retry(2)]
        let first = Adder { base: 1 }.call(n).await?;
        #[timeout(1s)]
        let second = (Adder { base: 2 } + n).await?;
        let third = route!(match way {
            Side::Left => Adder { base: 3 } + first,
            #[retry(2)]
            Side::Right => Adder { base: 4 } + second,
        })
        .await?;
        Ok(first + second + third)
    }
);

#[derive(orch_core::Route, Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Side {
    Left,
    #[route(default)]
    Right,
}

#[tokio::test(start_paused = true)]
async fn a_step_may_be_any_expression() {
    assert_eq!(written_in_place(Side::Left, 1).await.unwrap(), 2 + 3 + 5);
    assert_eq!(written_in_place(Side::Right, 1).await.unwrap(), 2 + 3 + 7);
    let both = fan_out!(left = Adder { base: 1 } + 2, right = Adder { base: 2 }.call(3)).await.unwrap();
    assert_eq!((both.left, both.right), (3, 5));
}

/// Neither `Copy` nor `Clone`.
struct Letter {
    text: String,
}

async fn reads(ms: u64, letter: &Letter, more: &u32) -> Result<u32> {
    after(ms, u32::try_from(letter.text.len())? + more).await
}

async fn closes(ms: u64, letter: Letter, more: &u32) -> Result<u32> {
    after(ms, u32::try_from(letter.text.len())? + more).await
}

workflow!(
    async fn taken_last(letter: Letter) -> Result<u32> {
        let quick = after(10, 1).await?;
        let slow = after(100, 2).await?;
        let a = reads(10, &letter, &quick).await?;
        let b = sum(10, &a, &slow).await?;
        let c = closes(10, letter, &quick).await?;
        Ok(b + c)
    }
);

#[tokio::test(start_paused = true)]
async fn who_takes_a_value_waits_for_those_who_borrow_it_and_for_nobody_else() {
    let letter = || Letter { text: "four".to_owned() };
    let (took, value) = timed(assert_send(taken_last(letter()))).await;
    // `closes` runs from 20 to 30, beside `slow`; then `sum` ends at 110.
    assert_eq!((took, value.unwrap()), (110, 7 + 5));
    assert_eq!(taken_last::PLAN.graph.edges, [(0, 2), (1, 3), (2, 3), (2, 4)]);
}

workflow!(
    async fn of_many_ways(n: u32, _unused: u32) -> Result<u32> {
        let a = if n > 3 {
            after(1, 1).await?
        } else if n > 2 {
            after(1, 2).await?
        } else {
            0
        };
        Ok(a)
    }
);

#[tokio::test(start_paused = true)]
async fn each_way_has_a_label_of_its_own() {
    assert_eq!(of_many_ways(3, 0).await.unwrap(), 2);
    let labels =
        of_many_ways::PLAN.graph.steps[0].children.iter().map(|child| child.label).collect::<Vec<_>>();
    assert_eq!(labels, ["then", "else if 1", "else"]);
}

struct Shelf {
    books: Vec<String>,
}

impl Shelf {
    async fn find(&self, at: usize) -> Result<&str> {
        after(1, ()).await?;
        Ok(&self.books[at])
    }
}

workflow!(
    async fn lends(shelf: &Shelf, at: usize) -> Result<&str> {
        #[retry(2)]
        let book = shelf.find(at).await?;
        Ok(book)
    }
);

struct Reading<'a>(&'a str);

workflow!(
    async fn lends_inside(shelf: &Shelf) -> Result<Option<Reading<'_>>> {
        let book = shelf.find(0).await?;
        Ok(Some(Reading(book)))
    }
);

workflow!(
    async fn lends_by_name<'s>(shelf: &'s Shelf) -> Result<Reading<'s>> {
        let book = shelf.find(1).await?;
        Ok(Reading(book))
    }
);

#[tokio::test(start_paused = true)]
async fn an_output_may_borrow_from_the_one_argument_it_can() {
    let shelf = Shelf { books: vec!["one".to_owned(), "two".to_owned()] };
    assert_eq!(lends(&shelf, 1).await.unwrap(), "two");
    let found = {
        let recorder = orch_core::Recorder::default();
        lends::observed(&recorder, &shelf, 0).await.unwrap()
    };
    assert_eq!(found, "one", "the observer is gone, and what was found is not");
    assert_eq!(lends_inside(&shelf).await.unwrap().unwrap().0, "one");
    assert_eq!(lends_by_name(&shelf).await.unwrap().0, "two");
}
