//! rig-core: a pipeline of operators.
//!
//! 0.39 is the last version with pipelines. There is no retry and no timeout, so guarded-10 is left out.

use std::hint::black_box;

use rig_core::pipeline::{Op, TryOp, map, then};
use rig_core::{conditional, try_parallel};

use crate::steps::{Result, a, b, both, c, d, e, f, g, h, i, j, one};
use crate::{Build, Run, finish};

/// Everything this peer can do.
pub const SCENARIOS: &[(&str, Build)] = &[
    ("chain-10", || Ok(chain_10())),
    ("fan-out-8", || Ok(fan_out_8())),
    ("route-8", || Ok(route_8())),
    ("document", || Ok(document())),
    ("hierarchy", || Ok(hierarchy())),
    ("map-1000-at-16", || Ok(map_1000())),
];

fn chain_10() -> Box<dyn Run> {
    let chain = then(a)
        .and_then(b)
        .and_then(c)
        .and_then(d)
        .and_then(e)
        .and_then(f)
        .and_then(g)
        .and_then(h)
        .and_then(i)
        .and_then(j);
    Box::new(move || finish(chain.try_call(black_box(1))))
}

fn fan_out_8() -> Box<dyn Run> {
    let branches = try_parallel!(then(a), then(b), then(c), then(d), then(e), then(f), then(g), then(h))
        .map_ok(|(a, b, c, d, e, f, g, h)| a + b + c + d + e + f + g + h);
    Box::new(move || finish(branches.try_call(black_box(1))))
}

/// `conditional!` wants the value inside the enum.
#[allow(dead_code, reason = "only one way is taken")]
enum Way<T> {
    A(T),
    B(T),
    C(T),
    D(T),
    E(T),
    F(T),
    G(T),
    H(T),
}

fn route_8() -> Box<dyn Run> {
    let route = conditional!(Way,
        A => then(a),
        B => then(b),
        C => then(c),
        D => then(d),
        E => then(e),
        F => then(f),
        G => then(g),
        H => then(h),
    );
    Box::new(move || finish(route.call(black_box(Way::E(5)))))
}

fn document() -> Box<dyn Run> {
    let classified = try_parallel!(
        then(|text: u64| async move { one(&text).await }),
        map(|text: u64| -> Result<u64> { Ok(text) })
    );
    let branches = try_parallel!(
        classified.and_then(|(class, text)| async move { both(&class, &text).await }),
        then(|text: u64| async move { one(&text).await })
    );
    let document = then(a)
        .chain_ok(branches)
        .map(Result::flatten)
        .and_then(|(summary, entities)| async move { both(&entities, &summary).await });
    Box::new(move || finish(document.try_call(black_box(1))))
}

/// Half of the ways.
#[allow(dead_code, reason = "only one way is taken")]
enum Half<T> {
    Alone(T),
    Long(T),
}

fn hierarchy() -> Box<dyn Run> {
    let long = then(a).and_then(b).and_then(c);
    let branches = try_parallel!(then(a), then(b), then(c), then(d));
    let hierarchy = conditional!(Half, Alone => then(a), Long => long)
        .chain_ok(branches)
        .map(Result::flatten)
        .map_ok(|(w, x, y, z)| w + x + y + z);
    Box::new(move || finish(hierarchy.try_call(black_box(Half::Long(1)))))
}

fn map_1000() -> Box<dyn Run> {
    let step = then(a);
    Box::new(move || {
        let n = black_box(1);
        finish(async {
            let all = step.try_batch_call(16, (0..1_000_u64).map(|item| n + item)).await?;
            Result::Ok(all.iter().sum())
        })
    })
}
