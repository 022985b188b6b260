//! What a decision takes once the text is embedded, and what an exact search takes against reading its memory once.
#![allow(missing_docs, clippy::print_stdout)]

use std::hint::black_box;
use std::time::Instant;

use bench::runtime;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use orch_core::Result;
use orch_core::router::{Dense, Encoder, Example, Fused, Head, Learned, Scoring, Semantic, Vectors};

const ROUTES: usize = 150;
/// Numbers of a vector of `MiniLM`, with its middle layer beside the last, and of one layer alone.
const BOTH_LAYERS: usize = 768;
const ONE_LAYER: usize = 384;
/// Examples the routers of the first group were fitted on, as many as CLINC150 has.
const EXAMPLES: usize = 15_000;
/// Texts that are decided in turn: one after the other finds less in the processor's caches than the same one again.
const TEXTS: usize = 256;

/// Directions that depend on the text alone, and are alike where the texts ask for the same thing.
struct Directions(usize);

impl Encoder for Directions {
    fn identity(&self) -> &'static str {
        "directions"
    }

    fn dimensions(&self) -> usize {
        self.0
    }

    async fn encode(&self, texts: &[&str]) -> Result<Vectors> {
        Ok(texts.iter().map(|text| direction(text, self.0)).collect())
    }
}

/// How far a text's direction is from that of what it asks for, as a share of its length: so far that some texts are
/// nearer to other things, as they are in the data sets the README names.
const APART: f32 = 3.5;

/// A direction of the thing the text asks for, and some of its own.
fn direction(text: &str, dimensions: usize) -> Vec<f32> {
    let thing = text.split(' ').find(|word| word.starts_with("thing")).unwrap_or(text);
    let (shared, own) = (noise(thing, dimensions), noise(text, dimensions));
    let mut vector: Vec<f32> = shared.iter().zip(own).map(|(shared, own)| shared + own * APART).collect();
    let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
    vector.iter_mut().for_each(|number| *number /= length);
    vector
}

/// Numbers from -0.5 to 0.5 that depend on the text.
fn noise(text: &str, dimensions: usize) -> Vec<f32> {
    let mut state = text.bytes().fold(0x9E37_79B9_7F4A_7C15_u64, |state, byte| {
        (state ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3)
    });
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1_u32 << 24) as f32 - 0.5
    };
    (0..dimensions).map(|_| next()).collect()
}

fn examples(count: usize) -> Vec<Example<String>> {
    (0..count)
        .map(|i| {
            let route = i % ROUTES;
            let text =
                format!("please do thing{route} with item{} for person{} today", i / ROUTES, i * 7 % 997);
            Example { held_out: i / ROUTES % 10 == 9, ..Example::new(text, Some(format!("route_{route}"))) }
        })
        .collect()
}

/// Rounds in which every text is decided once.
const ROUNDS: usize = 40;

/// Says what a decision takes at the median, on the mean and at the 95th percentile: texts are not alike, and a router
/// that is soon sure of most takes its time for the others. No tool that times one text over and over tells that.
fn report(name: &str, mut decide: impl FnMut(usize)) {
    let mut times: Vec<f64> = (0..ROUNDS * TEXTS)
        .map(|turn| {
            let started = Instant::now();
            decide(turn % TEXTS);
            started.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    let mean = times.iter().sum::<f64>() / times.len() as f64;
    times.sort_by(f64::total_cmp);
    let (median, late) = (times[times.len() / 2], times[times.len() * 95 / 100]);
    println!("{name:<40} median {median:5.1} µs, mean {mean:5.1} µs, 95th percentile {late:5.1} µs");
}

fn decisions(_: &mut Criterion) {
    let examples = examples(EXAMPLES);
    let texts: Vec<(String, Vec<f32>)> = (0..TEXTS)
        .map(|i| {
            let text = format!("could you do thing{} with item{} for somebody today", i * 7 % ROUTES, i % 90);
            let vector = direction(&text, BOTH_LAYERS);
            (text, vector)
        })
        .collect();
    println!("decision, {ROUTES} routes, {EXAMPLES} examples, {TEXTS} texts in turn");
    if let Ok(router) = Learned::fit(&examples) {
        report("learned", |turn| drop(black_box(router.rank(&texts[turn].0))));
    }
    if let Ok(router) = runtime().block_on(Dense::fit(&Directions(BOTH_LAYERS), &examples)) {
        report_embedded("dense, embedded", &router, &texts);
    }
    if let Ok(router) = runtime().block_on(Fused::fit(&Directions(BOTH_LAYERS), &examples)) {
        report_embedded("fused, embedded", &router, &texts);
    }
}

fn report_embedded(name: &str, router: &impl Head<Route = String>, texts: &[(String, Vec<f32>)]) {
    let rank = |turn: usize| {
        let (text, vector) = &texts[turn];
        router.rank_embedded(text, vector)
    };
    report(name, |turn| drop(black_box(rank(turn))));
    let right = (0..texts.len()).filter(|turn| rank(*turn).route == format!("route_{}", turn * 7 % ROUTES));
    println!("{:<40} right on {} of {}", "", right.count(), texts.len());
}

fn search(criterion: &mut Criterion) {
    let count = 100_000;
    let examples: Vec<Example<String>> = (0..count)
        .map(|i| Example {
            held_out: i % 5_000 == 0,
            ..Example::new(i.to_string(), Some((i % ROUTES).to_string()))
        })
        .collect();
    let Ok(router) = runtime().block_on(Semantic::fit(&Directions(ONE_LAYER), &examples, Scoring::Mean(10)))
    else {
        return;
    };
    let vector = direction("a query", ONE_LAYER);
    // As many bytes as the router reads.
    let memory: Vec<u64> = (0..(count * ONE_LAYER / 8) as u64).collect();
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
