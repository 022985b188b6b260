//! Choosing among routers, and where a cascade hands over.

use std::time::Instant;

use orch_core::router::{Encoder as _, Example, embed};

use super::fit::{FitError, FitOptions, RouterKind, Tried, Workshop};
use super::{Name, Stage, StageRouter};

/// One example in so many is kept to choose on, where no row is for validation.
const KEPT: usize = 5;
/// One in so many of the others calibrates what is tried.
const CALIBRATES: usize = 6;
/// Texts the encoder is timed on.
const TIMED: usize = 30;

/// What a router said of an example it was not fitted to.
#[derive(Clone, Copy)]
struct Said {
    confidence: f64,
    /// Whether its route is right; for an example that is out of scope, none is.
    route_right: bool,
    out_of_scope: bool,
}

impl Said {
    /// Whether it is right to answer so, or to abstain below a confidence.
    fn right(self, abstains_below: f64) -> bool {
        if self.confidence < abstains_below { self.out_of_scope } else { self.route_right }
    }
}

/// The kind of each stage, and the confidence from which on it decides.
type Plan = Vec<(RouterKind, f64)>;

/// A router that was tried.
struct Candidate {
    kind: RouterKind,
    name: &'static str,
    said: Vec<Said>,
    mean_us: f64,
    /// Below this confidence it abstains.
    abstains_below: f64,
}

/// Tries routers on examples they were not fitted to, and fits the best of those in time on all: for a cascade, the
/// learned router and the fused one, and the confidence from which on the first decides.
pub(super) async fn choose(
    workshop: &Workshop<'_>,
    examples: &[Example<Name>],
    options: &FitOptions,
) -> Result<(Vec<Stage>, Vec<Tried>), FitError> {
    let (train, check) = parted(examples);
    if check.is_empty() {
        return Err(FitError::Options(format!(
            "there is nothing to choose on: give {KEPT} rows of some label, or rows with `split` `val`"
        )));
    }
    let kinds: &[(RouterKind, &str)] = match (options.router, &workshop.encoders) {
        (RouterKind::Cascade, _) => &[(RouterKind::Learned, "learned"), (RouterKind::Fused, "fused")],
        (_, None) => &[(RouterKind::Keyword, "keyword"), (RouterKind::Learned, "learned")],
        (_, Some(_)) => &[
            (RouterKind::Keyword, "keyword"),
            (RouterKind::Learned, "learned"),
            (RouterKind::Semantic, "semantic"),
            (RouterKind::Fused, "fused"),
        ],
    };
    let mut candidates = Vec::new();
    for (kind, name) in kinds {
        match workshop.make(*kind, &train).await {
            Ok(router) => {
                candidates.push(try_out(workshop, *kind, name, &router, &check, options.abstain_at).await?);
            }
            // A keyword router may find no word to go by; that is no reason not to try the others.
            Err(_) if *kind == RouterKind::Keyword => {}
            Err(error) => return Err(error),
        }
    }
    let limit = options.max_latency_us.unwrap_or(f64::INFINITY);
    let accuracy = |candidate: &Candidate| {
        let right = candidate.said.iter().filter(|said| said.right(candidate.abstains_below)).count();
        right as f64 / candidate.said.len().max(1) as f64
    };
    let mut tried: Vec<Tried> = Vec::new();
    let mut best: Option<(f64, f64, Plan)> = None;
    let mut consider = |name: String, accuracy: f64, mean_us: f64, stages: Plan| {
        let in_time = mean_us <= limit;
        tried.push(Tried { name, accuracy, mean_us, in_time });
        let better = best
            .as_ref()
            .is_none_or(|(most, least, _)| accuracy > *most || (accuracy >= *most && mean_us < *least));
        if in_time && better {
            best = Some((accuracy, mean_us, stages));
        }
    };
    if options.router == RouterKind::Auto {
        for candidate in &candidates {
            let stages = vec![(candidate.kind, 0.0)];
            consider(candidate.name.to_owned(), accuracy(candidate), candidate.mean_us, stages);
        }
    }
    let of = |kind| candidates.iter().find(|candidate| candidate.kind == kind);
    if let (Some(first), Some(second)) = (of(RouterKind::Learned), of(RouterKind::Fused)) {
        let handover = handover(first, second, limit);
        let name = format!("cascade: learned from {:.3} on, else fused", handover.at_least);
        let stages = vec![(RouterKind::Learned, handover.at_least), (RouterKind::Fused, 0.0)];
        consider(name, handover.accuracy, handover.mean_us, stages);
    }
    tried.sort_by(|a, b| b.accuracy.total_cmp(&a.accuracy).then(a.mean_us.total_cmp(&b.mean_us)));
    let Some((_, _, chosen)) = best else {
        let quickest = tried.iter().map(|tried| tried.mean_us).fold(f64::INFINITY, f64::min);
        return Err(FitError::Options(format!(
            "no router decides within {limit} µs; the quickest takes {quickest:.0} µs"
        )));
    };
    let mut stages = Vec::new();
    for (kind, at_least) in chosen {
        stages.push(Stage { at_least, router: workshop.make(kind, examples).await? });
    }
    Ok((stages, tried))
}

/// Examples to fit what is tried, some of them to calibrate it, and others to choose on: those for validation, or every
/// fifth.
fn parted(examples: &[Example<Name>]) -> (Vec<Example<Name>>, Vec<Example<Name>>) {
    let validation = examples.iter().any(|example| example.held_out);
    let mut counts = std::collections::HashMap::new();
    let (mut train, mut check): (Vec<Example<Name>>, Vec<Example<Name>>) = Default::default();
    for example in examples {
        let count = counts.entry(example.route.clone()).or_insert(0_usize);
        if if validation { example.held_out } else { *count % KEPT == KEPT - 1 } {
            check.push(example.clone());
        } else {
            let held_out = *count % CALIBRATES == CALIBRATES - 1;
            train.push(Example { held_out, ..example.clone() });
        }
        *count += 1;
    }
    (train, check)
}

async fn try_out(
    workshop: &Workshop<'_>,
    kind: RouterKind,
    name: &'static str,
    router: &StageRouter,
    check: &[Example<Name>],
    abstain_at: Option<f64>,
) -> Result<Candidate, FitError> {
    let failed = |error: orch_core::Error| FitError::Failed(error.to_string());
    let texts: Vec<&str> = check.iter().map(|example| example.input.as_str()).collect();
    let mut vectors = Vec::new();
    let mut mean_us = 0.0;
    if let Some(encoders) = workshop.encoders.as_ref().filter(|_| router.needs_encoder()) {
        let started = Instant::now();
        for text in texts.iter().take(TIMED) {
            encoders.model.encode(&[*text]).await.map_err(failed)?;
        }
        mean_us += started.elapsed().as_secs_f64() * 1e6 / texts.len().clamp(1, TIMED) as f64;
        vectors = embed(&encoders.memory, &texts).await.map_err(failed)?;
    }
    let abstains_below = abstain_at.unwrap_or_else(|| router.threshold());
    let started = Instant::now();
    let said = check
        .iter()
        .enumerate()
        .map(|(index, example)| {
            let decision = router.rank(&example.input, vectors.get(index).map(Vec::as_slice));
            let confidence = decision.as_ref().map_or(0.0, |decision| decision.confidence);
            let got = decision.map(|decision| decision.route);
            let out_of_scope = example.route.is_none();
            Said { confidence, route_right: !out_of_scope && got == example.route, out_of_scope }
        })
        .collect();
    mean_us += started.elapsed().as_secs_f64() * 1e6 / check.len().max(1) as f64;
    Ok(Candidate { kind, name, said, mean_us, abstains_below })
}

/// Where a cascade hands over, and how it then does.
struct Handover {
    at_least: f64,
    accuracy: f64,
    mean_us: f64,
}

/// The confidence from which on `first` decides that gives the most right answers within `limit`; of those that give as
/// many, the quickest.
fn handover(first: &Candidate, second: &Candidate, limit: f64) -> Handover {
    let mut order: Vec<usize> = (0..first.said.len()).collect();
    order.sort_by(|a, b| first.said[*b].confidence.total_cmp(&first.said[*a].confidence));
    let count = order.len().max(1) as f64;
    // Both stages abstain below the same confidence: the last one's.
    let is_right = |said: &Said| said.right(second.abstains_below);
    let mut right = second.said.iter().filter(|said| is_right(said)).count();
    let mean = |handed: usize| first.mean_us + second.mean_us * handed as f64 / count;
    // From a confidence that nothing reaches: all is handed over.
    let mut best = Handover { at_least: 1.01, accuracy: right as f64 / count, mean_us: mean(order.len()) };
    for (kept, index) in order.iter().enumerate() {
        right =
            right + usize::from(is_right(&first.said[*index])) - usize::from(is_right(&second.said[*index]));
        let confidence = first.said[*index].confidence;
        let next = order.get(kept + 1).map_or(0.0, |next| first.said[*next].confidence);
        if next >= confidence {
            continue;
        }
        let (accuracy, mean_us) = (right as f64 / count, mean(order.len() - kept - 1));
        let better = if best.mean_us > limit { mean_us < best.mean_us } else { accuracy >= best.accuracy };
        if better {
            best = Handover { at_least: f64::midpoint(confidence, next), accuracy, mean_us };
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(said: &[(f64, bool)], mean_us: f64) -> Candidate {
        let said = said
            .iter()
            .map(|(confidence, right)| Said {
                confidence: *confidence,
                route_right: *right,
                out_of_scope: false,
            })
            .collect();
        Candidate { kind: RouterKind::Learned, name: "", said, mean_us, abstains_below: 0.0 }
    }

    #[test]
    fn a_cascade_hands_over_what_the_second_knows_better_as_time_allows() {
        let first = candidate(&[(0.9, true), (0.8, true), (0.4, false), (0.3, false)], 1.0);
        let second = candidate(&[(0.9, true), (0.9, false), (0.9, true), (0.9, true)], 100.0);
        let free = handover(&first, &second, f64::INFINITY);
        assert!((free.at_least - 0.6).abs() < 1e-9 && free.accuracy > 0.999, "{}", free.at_least);
        assert!((free.mean_us - 51.0).abs() < 1e-9);
        let hurried = handover(&first, &second, 30.0);
        assert!(hurried.mean_us <= 30.0 && (hurried.accuracy - 0.75).abs() < 1e-9);
    }
}
