//! Time, as a ratio inside one run: absolute figures depend on the machine.
#![allow(missing_docs)]

use bench::SCENARIOS;
use criterion::{Criterion, criterion_group, criterion_main};

fn scenarios(criterion: &mut Criterion) {
    let runtime = bench::runtime();
    let _timers = runtime.enter();
    for scenario in SCENARIOS {
        let mut group = criterion.benchmark_group(scenario.name);
        group.bench_function("orch", |bencher| bencher.iter(scenario.orch));
        group.bench_function("hand", |bencher| bencher.iter(scenario.hand));
        group.finish();
    }
}

criterion_group!(benches, scenarios);
criterion_main!(benches);
