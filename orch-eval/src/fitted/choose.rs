//! Choosing among routers by cross-validation, and where a cascade hands over.

use std::collections::HashMap;
use std::time::Instant;

use orch_core::router::{Encoder as _, Example, Handovers, StageAnswer, StageAnswers};

use super::fit::{FitError, FitOptions, RouterKind, Tried, Workshop, routes_of};
use super::{Embedded, Name, Stage, StageRouter};

/// Parts of the examples that are left out in turn.
const FOLDS: usize = 3;
/// Where no row is for validation, one in so many of each label's others calibrates what is tried, from its fourth row on.
const CALIBRATES: usize = 6;
/// Texts the encoder is timed on.
const TIMED: usize = 30;

/// What a router said of an example it was not fitted to.
#[derive(Clone, Copy)]
struct Said {
    /// How sure it was; `None` when it had nothing to go by.
    confidence: Option<f64>,
    /// Whether its route is right; for an example that is out of scope, none is.
    route_right: bool,
    out_of_scope: bool,
    /// The confidence below which it abstains.
    abstains_below: f64,
}

impl Said {
    /// Whether it is right to answer so, or to abstain below a confidence.
    fn right(self, abstains_below: f64) -> bool {
        if self.confidence.is_some_and(|confidence| confidence >= abstains_below) {
            self.route_right
        } else {
            self.out_of_scope
        }
    }
}

/// A router that can be tried.
#[derive(Clone, Copy)]
struct Candidate {
    kind: RouterKind,
    encoder: Option<usize>,
}

/// What a candidate said of all examples, those of the first fold first, and its mean time.
struct Trial {
    candidate: Candidate,
    said: Vec<Said>,
    mean_us: f64,
}

/// A candidate of each stage, and the confidence from which on it decides.
type Plan = Vec<(Candidate, f64)>;

/// Tries routers on examples they were not fitted to, and fits the best of those in time on all.
pub(super) async fn choose(
    workshop: &Workshop<'_>,
    examples: &[Example<Name>],
    options: &FitOptions,
) -> Result<(Vec<Stage>, Vec<Tried>), FitError> {
    let folds = Folds::of(examples)?;
    let mut trials = Vec::new();
    for candidate in candidates(options.router, workshop.encoders.len()) {
        match try_out(workshop, candidate, &folds, options.abstain_at).await {
            Ok(trial) => trials.push(trial),
            // A keyword router may find no word to go by; that is no reason not to try the others.
            Err(_) if candidate.kind == RouterKind::Keyword => {}
            Err(error) => return Err(error),
        }
    }
    let limit = options.max_latency_us.unwrap_or(f64::INFINITY);
    let mut tried: Vec<(Tried, Plan)> = Vec::new();
    let mut consider = |name: String, accuracy: f64, mean_us: f64, plan: Plan| {
        tried.push((Tried { name, accuracy, mean_us, in_time: mean_us <= limit }, plan));
    };
    if options.router == RouterKind::Auto {
        for trial in &trials {
            let right = trial.said.iter().filter(|said| said.right(said.abstains_below)).count();
            let accuracy = right as f64 / trial.said.len().max(1) as f64;
            consider(workshop.name(trial.candidate), accuracy, trial.mean_us, vec![(trial.candidate, 0.0)]);
        }
    }
    // A single router stands among the others already, where there is a choice.
    let several = |plan: &Plan| plan.len() > 1 || options.router == RouterKind::Cascade;
    if let Some((plan, found)) = cascade(&trials, &folds, limit)?.filter(|(plan, _)| several(plan)) {
        consider(workshop.describe(&plan), found.accuracy, found.mean_cost, plan);
    }
    // Best first: the most accurate of those in time, and of two as accurate the quicker.
    tried.sort_by(|(a, _), (b, _)| {
        let accuracy = b.accuracy.total_cmp(&a.accuracy);
        accuracy.then(a.mean_us.total_cmp(&b.mean_us))
    });
    let Some((_, plan)) = tried.iter().find(|(tried, _)| tried.in_time) else {
        let quickest = tried.iter().map(|(tried, _)| tried.mean_us).fold(f64::INFINITY, f64::min);
        return Err(FitError::Options(format!(
            "no router decides within {limit} µs; the quickest takes {quickest:.0} µs"
        )));
    };
    let mut stages = Vec::new();
    for (Candidate { kind, encoder }, at_least) in plan.iter().copied() {
        let router = workshop.make(kind, encoder, examples).await?;
        stages.push(Stage { at_least, router, encoder });
    }
    Ok((stages, tried.into_iter().map(|(tried, _)| tried).collect()))
}

/// The routers there are to choose from.
fn candidates(router: RouterKind, encoders: usize) -> Vec<Candidate> {
    let mut candidates: Vec<Candidate> =
        [RouterKind::Keyword, RouterKind::Learned].map(|kind| Candidate { kind, encoder: None }).into();
    for encoder in (0..encoders).map(Some) {
        if router == RouterKind::Auto {
            candidates.push(Candidate { kind: RouterKind::Semantic, encoder });
            candidates.push(Candidate { kind: RouterKind::Dense, encoder });
        }
        candidates.push(Candidate { kind: RouterKind::Fused, encoder });
    }
    candidates
}

impl Workshop<'_> {
    fn name(&self, candidate: Candidate) -> String {
        let kind = candidate.kind.name();
        match candidate.encoder.and_then(|encoder| self.encoders.get(encoder)) {
            Some(encoders) if self.encoders.len() > 1 => format!("{kind} with {}", encoders.place),
            _ => kind.to_owned(),
        }
    }

    fn describe(&self, plan: &Plan) -> String {
        let stages: Vec<String> = plan
            .iter()
            .enumerate()
            .map(|(place, (candidate, at_least))| {
                let name = self.name(*candidate);
                if place + 1 < plan.len() {
                    format!("{name} from {at_least:.3} on")
                } else {
                    format!("else {name}")
                }
            })
            .collect();
        match plan.as_slice() {
            [(alone, _)] => format!("{} alone, which is as good as any cascade", self.name(*alone)),
            _ => format!("cascade: {}", stages.join(", ")),
        }
    }
}

/// The best cascade of what was tried, the quicker stages first, and how it does where its thresholds are fitted to
/// other folds: of one stage where a single router is as good. `None` where no encoder can be asked.
fn cascade(trials: &[Trial], folds: &Folds, limit: f64) -> Result<Option<(Plan, Handovers)>, FitError> {
    let failed = |error: orch_core::Error| FitError::Failed(error.to_string());
    let mut stages: Vec<&Trial> = trials
        .iter()
        .filter(|trial| !matches!(trial.candidate.kind, RouterKind::Semantic | RouterKind::Dense))
        .collect();
    stages.sort_by(|a, b| a.mean_us.total_cmp(&b.mean_us));
    let asks_encoder = stages.iter().any(|stage| stage.candidate.encoder.is_some());
    let Some(last) = stages.last().filter(|_| asks_encoder) else { return Ok(None) };
    let answers = |range: &dyn Fn(usize) -> bool| -> Vec<StageAnswers> {
        let of = |trial: &Trial| StageAnswers {
            cost: trial.mean_us,
            answers: trial
                .said
                .iter()
                .zip(&last.said)
                .enumerate()
                .filter(|(place, _)| range(*place))
                .map(|(_, (said, last))| StageAnswer {
                    confidence: said.confidence,
                    // The whole abstains below the same confidence: the last stage's.
                    is_right: said.right(last.abstains_below),
                })
                .collect(),
        };
        stages.iter().map(|trial| of(trial)).collect()
    };
    let whole = Handovers::fit(&answers(&|_| true), limit).map_err(failed)?;
    let (mut accuracy, mut mean_cost) = (0.0, 0.0);
    for fold in 0..FOLDS {
        let in_fold = |place: usize| folds.fold_of(place) == fold;
        let fitted = Handovers::fit(&answers(&|place| !in_fold(place)), limit).map_err(failed)?;
        let checked = Handovers::measured(&fitted.at_least, &answers(&in_fold)).map_err(failed)?;
        let share = folds.0[fold].check.len() as f64 / last.said.len() as f64;
        accuracy += checked.accuracy * share;
        mean_cost += checked.mean_cost * share;
    }
    let plan: Plan = stages
        .iter()
        .zip(&whole.at_least)
        .filter(|(_, at_least)| **at_least <= 1.0)
        .map(|(trial, at_least)| (trial.candidate, *at_least))
        .collect();
    Ok(Some((plan, Handovers { at_least: whole.at_least, accuracy, mean_cost })))
}

/// Examples dealt out to be left out in turn.
struct Folds(Vec<Fold>);

/// Some examples that are left out, and those that are fitted on then.
#[derive(Clone, Default)]
struct Fold {
    train: Vec<Example<Name>>,
    check: Vec<Example<Name>>,
}

impl Folds {
    /// Deals out each route's examples in turn, but never its only one: without that nobody could be right about it. Those
    /// for validation calibrate what is tried; where there are none, some of the others do.
    fn of(examples: &[Example<Name>]) -> Result<Self, FitError> {
        let held_out = examples.iter().filter(|example| example.held_out).count();
        let validation = (1..examples.len()).contains(&held_out);
        let calibrates = |example: &Example<Name>| validation && example.held_out;
        let mut sizes: HashMap<&Option<Name>, usize> = HashMap::new();
        for example in examples.iter().filter(|example| !calibrates(example)) {
            *sizes.entry(&example.route).or_default() += 1;
        }
        let is_only = |example: &Example<Name>| example.route.is_some() && sizes[&example.route] == 1;
        // For each label the fold its first example is left out of, and how many came before.
        let mut counts: HashMap<Option<Name>, (usize, usize)> = HashMap::new();
        let mut folds = vec![Fold::default(); FOLDS];
        for example in examples {
            let routes = counts.len();
            // Routes begin at different folds, so that one with few examples is not always left out of the same.
            let (first, count) = counts.entry(example.route.clone()).or_insert((routes, 0));
            for (number, Fold { train, check }) in folds.iter_mut().enumerate() {
                if calibrates(example) || is_only(example) {
                    train.push(Example { held_out: calibrates(example), ..example.clone() });
                } else if (*first + *count) % FOLDS == number {
                    check.push(example.clone());
                } else {
                    let held_out = !validation && *count / FOLDS % CALIBRATES == 1;
                    train.push(Example { held_out, ..example.clone() });
                }
            }
            *count += usize::from(!calibrates(example));
        }
        if folds.iter().any(|fold| routes_of(&fold.check) == 0 || routes_of(&fold.train) < 2) {
            return Err(FitError::Options(format!(
                "there is nothing to choose on: give {FOLDS} rows of each label, or name a router with --router"
            )));
        }
        Ok(Self(folds))
    }

    /// Which fold has the example at a place, where the folds stand one after the other.
    fn fold_of(&self, place: usize) -> usize {
        let ends = self.0.iter().scan(0, |end, fold| {
            *end += fold.check.len();
            Some(*end)
        });
        ends.take_while(|end| *end <= place).count()
    }
}

async fn try_out(
    workshop: &Workshop<'_>,
    candidate: Candidate,
    folds: &Folds,
    abstain_at: Option<f64>,
) -> Result<Trial, FitError> {
    let failed = |error: orch_core::Error| FitError::Failed(error.to_string());
    let encoders = candidate.encoder.and_then(|encoder| workshop.encoders.get(encoder));
    let mut trial = Trial { candidate, said: Vec::new(), mean_us: 0.0 };
    for Fold { train, check } in &folds.0 {
        let router = workshop.make(candidate.kind, candidate.encoder, train).await?;
        let texts: Vec<&str> = check.iter().map(|example| example.input.as_str()).collect();
        let embedded = match encoders {
            Some(encoders) => router.embed(&texts, &encoders.memory).await.map_err(failed)?,
            None => Vec::new(),
        };
        let abstains_below = abstain_at.unwrap_or_else(|| router.threshold());
        let started = Instant::now();
        trial.said.extend(
            check
                .iter()
                .enumerate()
                .map(|(index, example)| said(&router, example, embedded.get(index), abstains_below)),
        );
        trial.mean_us += started.elapsed().as_secs_f64() * 1e6;
    }
    trial.mean_us /= trial.said.len().max(1) as f64;
    if let Some(encoders) = encoders {
        let texts: Vec<&str> =
            folds.0[0].check.iter().take(TIMED).map(|example| example.input.as_str()).collect();
        let started = Instant::now();
        for text in &texts {
            encoders.model.encode(&[*text]).await.map_err(failed)?;
        }
        trial.mean_us += started.elapsed().as_secs_f64() * 1e6 / texts.len().max(1) as f64;
    }
    Ok(trial)
}

fn said(
    router: &StageRouter,
    example: &Example<Name>,
    embedded: Option<&Embedded<'_>>,
    abstains_below: f64,
) -> Said {
    let decision = router.rank(&example.input, embedded);
    let confidence = decision.as_ref().map(|decision| decision.confidence);
    let out_of_scope = example.route.is_none();
    let route_right = !out_of_scope && decision.map(|decision| decision.route) == example.route;
    Said { confidence, route_right, out_of_scope, abstains_below }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_example_is_left_out_once_and_never_fitted_on_then() {
        let examples: Vec<Example<Name>> = (0..40)
            .map(|i| Example {
                held_out: i % 10 == 0,
                ..Example::new(i.to_string(), Some(Name::from(["a", "b", "c"][i % 3])))
            })
            .collect();
        let folds = Folds::of(&examples).unwrap();
        let mut checked: Vec<&str> = Vec::new();
        for Fold { train, check } in &folds.0 {
            assert_eq!(train.len() + check.len(), examples.len());
            assert!(
                check.iter().all(|one| !one.held_out && train.iter().all(|other| other.input != one.input))
            );
            checked.extend(check.iter().map(|example| example.input.as_str()));
        }
        assert_eq!(checked.len(), 36);
        assert_eq!(folds.fold_of(0), 0);
        assert_eq!(folds.fold_of(folds.0[0].check.len()), 1);
        assert_eq!(folds.fold_of(35), 2);
        let few: Vec<Example<Name>> =
            ["a", "b"].map(|route| Example::new(route, Some(Name::from(route)))).into();
        assert!(Folds::of(&few).is_err());
    }
}
