//! `dfir_rs`: operators compiled into one dataflow. A run is one tick.
//!
//! Nothing limits how many futures an operator holds, and there is no retry and no timeout, so map-1000-at-16 and
//! guarded-10 are left out.

#![allow(
    clippy::ignored_unit_patterns,
    clippy::inline_always,
    clippy::similar_names,
    unreachable_pub,
    reason = "what the macro expands to"
)]

use std::cell::Cell;
use std::hint::black_box;
use std::rc::Rc;

use dfir_rs::dfir_syntax;
use dfir_rs::util::unbounded_channel;

use crate::steps::{Error, Result, Way, a, b, both, c, d, e, f, g, h, i, j, one};
use crate::{Build, Run, finish};

/// Everything this peer can do.
pub const SCENARIOS: &[(&str, Build)] = &[
    ("chain-10", || Ok(chain_10())),
    ("fan-out-8", || Ok(fan_out_8())),
    ("route-8", || Ok(route_8())),
    ("document", || Ok(document())),
    ("hierarchy", || Ok(hierarchy())),
];

/// Makes a dataflow from its input and its output, and runs it for one tick.
///
/// A step that fails sends nothing on, so the output stays 0.
macro_rules! ready {
    ($input:expr, |$receiver:ident, $out:ident| $flow:expr) => {{
        let (sender, $receiver) = unbounded_channel();
        let result = Rc::new(Cell::new(0_u64));
        let $out = Rc::clone(&result);
        let mut flow = $flow;
        Box::new(move || {
            result.set(0);
            finish(async {
                sender.send(black_box($input))?;
                flow.run_tick().await;
                Ok::<u64, Error>(result.get())
            })
        })
    }};
}

fn chain_10() -> Box<dyn Run> {
    ready!(1, |input, out| dfir_syntax! {
        source_stream(input)
            -> map(a) -> resolve_futures_blocking() -> filter_map(Result::ok)
            -> map(b) -> resolve_futures_blocking() -> filter_map(Result::ok)
            -> map(c) -> resolve_futures_blocking() -> filter_map(Result::ok)
            -> map(d) -> resolve_futures_blocking() -> filter_map(Result::ok)
            -> map(e) -> resolve_futures_blocking() -> filter_map(Result::ok)
            -> map(f) -> resolve_futures_blocking() -> filter_map(Result::ok)
            -> map(g) -> resolve_futures_blocking() -> filter_map(Result::ok)
            -> map(h) -> resolve_futures_blocking() -> filter_map(Result::ok)
            -> map(i) -> resolve_futures_blocking() -> filter_map(Result::ok)
            -> map(j) -> resolve_futures_blocking() -> filter_map(Result::ok)
            -> for_each(|n| out.set(n));
    })
}

fn fan_out_8() -> Box<dyn Run> {
    ready!(1, |input, out| dfir_syntax! {
        branches = source_stream(input) -> tee();
        branches -> map(a) -> resolve_futures_blocking() -> joined;
        branches -> map(b) -> resolve_futures_blocking() -> joined;
        branches -> map(c) -> resolve_futures_blocking() -> joined;
        branches -> map(d) -> resolve_futures_blocking() -> joined;
        branches -> map(e) -> resolve_futures_blocking() -> joined;
        branches -> map(f) -> resolve_futures_blocking() -> joined;
        branches -> map(g) -> resolve_futures_blocking() -> joined;
        branches -> map(h) -> resolve_futures_blocking() -> joined;
        joined = union() -> filter_map(Result::ok) -> fold::<'tick>(|| 0, |sum: &mut u64, n| *sum += n)
            -> for_each(|sum| out.set(sum));
    })
}

fn route_8() -> Box<dyn Run> {
    ready!(Way::E, |input, out| dfir_syntax! {
        ways = source_stream(input) -> partition(|way: &Way, [a, b, c, d, e, f, g, h]| match way {
            Way::A => a,
            Way::B => b,
            Way::C => c,
            Way::D => d,
            Way::E => e,
            Way::F => f,
            Way::G => g,
            Way::H => h,
        });
        ways[a] -> map(|_| a(1)) -> resolve_futures_blocking() -> joined;
        ways[b] -> map(|_| b(2)) -> resolve_futures_blocking() -> joined;
        ways[c] -> map(|_| c(3)) -> resolve_futures_blocking() -> joined;
        ways[d] -> map(|_| d(4)) -> resolve_futures_blocking() -> joined;
        ways[e] -> map(|_| e(5)) -> resolve_futures_blocking() -> joined;
        ways[f] -> map(|_| f(6)) -> resolve_futures_blocking() -> joined;
        ways[g] -> map(|_| g(7)) -> resolve_futures_blocking() -> joined;
        ways[h] -> map(|_| h(8)) -> resolve_futures_blocking() -> joined;
        joined = union() -> filter_map(Result::ok) -> for_each(|n| out.set(n));
    })
}

fn document() -> Box<dyn Run> {
    ready!(1, |input, out| dfir_syntax! {
        text = source_stream(input) -> map(a) -> resolve_futures_blocking() -> filter_map(Result::ok) -> tee();
        text -> map(|n| async move { one(&n).await }) -> resolve_futures_blocking() -> filter_map(Result::ok)
            -> [0]classified;
        text -> [1]classified;
        classified = zip() -> map(|(class, text)| async move { both(&class, &text).await })
            -> resolve_futures_blocking() -> filter_map(Result::ok) -> [1]summarised;
        text -> map(|n| async move { one(&n).await }) -> resolve_futures_blocking() -> filter_map(Result::ok)
            -> [0]summarised;
        summarised = zip() -> map(|(entities, summary)| async move { both(&entities, &summary).await })
            -> resolve_futures_blocking() -> filter_map(Result::ok) -> for_each(|n| out.set(n));
    })
}

fn hierarchy() -> Box<dyn Run> {
    ready!(Way::E, |input, out| dfir_syntax! {
        ways = source_stream(input) -> partition(|way: &Way, [alone, long]| match way {
            Way::A | Way::B | Way::C | Way::D => alone,
            Way::E | Way::F | Way::G | Way::H => long,
        });
        ways[alone] -> map(|_| a(1)) -> resolve_futures_blocking() -> filter_map(Result::ok) -> chained;
        ways[long]
            -> map(|_| a(1)) -> resolve_futures_blocking() -> filter_map(Result::ok)
            -> map(b) -> resolve_futures_blocking() -> filter_map(Result::ok)
            -> map(c) -> resolve_futures_blocking() -> filter_map(Result::ok)
            -> chained;
        chained = union() -> tee();
        chained -> map(a) -> resolve_futures_blocking() -> joined;
        chained -> map(b) -> resolve_futures_blocking() -> joined;
        chained -> map(c) -> resolve_futures_blocking() -> joined;
        chained -> map(d) -> resolve_futures_blocking() -> joined;
        joined = union() -> filter_map(Result::ok) -> fold::<'tick>(|| 0, |sum: &mut u64, n| *sum += n)
            -> for_each(|sum| out.set(sum));
    })
}
