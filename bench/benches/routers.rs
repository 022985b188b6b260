//! What a decision takes once the text is embedded, and what an exact search takes against reading its memory once.
//! Times are ratios inside one run.
#![allow(missing_docs)]

use std::hint::black_box;

use bench::runtime;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use orch_core::Result;
use orch_core::router::{Encoder, Example, Fused, Head, Learned, Scoring, Semantic};

const DIMENSIONS: usize = 384;
const ROUTES: usize = 150;

/// Directions that depend on the text alone, and are a little alike within a route.
struct Directions;

impl Encoder for Directions {
    fn identity(&self) -> &'static str {
        "directions"
    }

    fn dimensions(&self) -> usize {
        DIMENSIONS
    }

    async fn encode(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
        Ok(texts.iter().map(|text| direction(text)).collect())
    }
}

fn direction(text: &str) -> Vec<f32> {
    let mut state = text.bytes().fold(0x9E37_79B9_7F4A_7C15_u64, |state, byte| {
        (state ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3)
    });
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1_u32 << 24) as f32 - 0.5
    };
    let mut vector: Vec<f32> = (0..DIMENSIONS).map(|_| next()).collect();
    let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
    vector.iter_mut().for_each(|number| *number /= length);
    vector
}

fn examples(count: usize) -> Vec<Example<String>> {
    (0..count)
        .map(|i| {
            let route = i % ROUTES;
            let text =
                format!("please do thing{route} with item{} for person{} today", i / ROUTES, i * 7 % 997);
            Example { held_out: i % 10 == 9, ..Example::new(text, Some(format!("route_{route}"))) }
        })
        .collect()
}

fn decisions(criterion: &mut Criterion) {
    let examples = examples(6_000);
    let text = "could you do thing17 with item3 for somebody today";
    let vector = direction(text);
    let mut group = criterion.benchmark_group("decision, 150 routes");
    if let Ok(router) = Learned::fit(&examples) {
        group.bench_function("learned", |bencher| bencher.iter(|| router.rank(black_box(text))));
    }
    if let Ok(router) = runtime().block_on(Fused::fit(&Directions, &examples)) {
        group.bench_function("fused, embedded", |bencher| {
            bencher.iter(|| router.rank_embedded(black_box(text), black_box(&vector)));
        });
    }
    group.finish();
}

fn search(criterion: &mut Criterion) {
    let count = 100_000;
    let examples: Vec<Example<String>> = (0..count)
        .map(|i| Example {
            held_out: i % 5_000 == 0,
            ..Example::new(i.to_string(), Some((i % ROUTES).to_string()))
        })
        .collect();
    let Ok(router) = runtime().block_on(Semantic::fit(&Directions, &examples, Scoring::Mean(10))) else {
        return;
    };
    let vector = direction("a query");
    // As many bytes as the router reads.
    let memory: Vec<u64> = (0..(count * DIMENSIONS / 8) as u64).collect();
    let mut group = criterion.benchmark_group("100,000 x 384, 8 bits");
    group.bench_function("reading the memory once", |bencher| {
        bencher.iter(|| black_box(&memory).iter().fold(0, |sum: u64, word| sum ^ word));
    });
    group.bench_function("exact search", |bencher| {
        bencher.iter_batched(|| (), |()| router.rank_embedded("", black_box(&vector)), BatchSize::SmallInput);
    });
    group.finish();
}

criterion_group!(benches, decisions, search);
criterion_main!(benches);
