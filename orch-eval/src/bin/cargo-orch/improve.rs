//! `sweep`, `shrink` and `mutate`: what would make a router better.

use std::fmt::Write as _;

use orch_eval::{Dataset, FittedRouter, Sweep, SweepPoint, Worth, causes, shrink as shrink_cases};
use serde_json::json;

use crate::{Failure, Measured, runtime, show, show_json};

/// Rows of a list that are shown.
const SHOWN: usize = 20;

fn load(measured: &Measured) -> Result<(FittedRouter, Dataset), Failure> {
    let router = FittedRouter::load(&measured.router, &measured.encoder).map_err(Failure::usage)?;
    let data = Dataset::load(&measured.data).map_err(Failure::usage)?;
    router.fits(&data).map_err(Failure::usage)?;
    Ok((router, data))
}

/// Every threshold below which the router could abstain.
pub(crate) fn sweep(measured: &Measured, risk: f64) -> Result<u8, Failure> {
    let (router, data) = load(measured)?;
    let outcomes = orch_eval::answers(&router, &data).map_err(Failure::usage)?;
    let sweep = Sweep::of(&data.to_measure(), &outcomes, risk);
    if measured.json {
        return show_json(&sweep).map(|()| 0);
    }
    let mut out = String::from("threshold  coverage  accuracy  of those answered  out-of-scope recall\n");
    let line = |point: &SweepPoint| {
        let recall = point.oos_recall.map_or_else(|| "-".to_owned(), |recall| format!("{recall:.3}"));
        format!(
            "{:9.3}  {:8.3}  {:8.3}  {:17.3}  {recall:>19}\n",
            point.threshold, point.coverage, point.accuracy, point.answered_accuracy
        )
    };
    let every = sweep.points.len().div_ceil(SHOWN).max(1);
    sweep.points.iter().step_by(every).for_each(|point| out.push_str(&line(point)));
    let _ = write!(
        out,
        "\nmost right answers (chosen on these cases; chosen on one half, the other half has {:.3}):\n{}",
        sweep.cross_fitted_accuracy,
        line(&sweep.best)
    );
    match &sweep.at_risk {
        Some(point) => {
            let _ =
                write!(out, "at most {risk} of the answers wrong, with 95 % confidence:\n{}", line(point));
        }
        None => {
            let _ = writeln!(
                out,
                "no threshold can be trusted to keep wrong answers below {risk}; more cases might"
            );
        }
    }
    let _ = writeln!(
        out,
        "`cargo orch fit --abstain-at` takes a threshold; it abstains below {:.3} now",
        router.abstains_below()
    );
    show(&out);
    Ok(0)
}

/// The fewest words that are still misrouted.
pub(crate) fn shrink(measured: &Measured) -> Result<u8, Failure> {
    let (router, data) = load(measured)?;
    let runtime = runtime()?;
    let shrunk = runtime.block_on(shrink_cases(&router, &data)).map_err(Failure::blocked)?;
    let causes = causes(&shrunk);
    if measured.json {
        return show_json(&json!({ "misrouted": shrunk, "causes": causes })).map(|()| 0);
    }
    let mut out = format!("{} cases are misrouted\n", shrunk.len());
    for cause in causes.iter().take(SHOWN) {
        let got = cause.got.as_deref().unwrap_or("no route");
        let _ = writeln!(
            out,
            "{:4} x `{}` gets {got}: {}",
            cause.cases.len(),
            cause.words.join(" "),
            cause.cases[..cause.cases.len().min(3)].join(", ")
        );
    }
    if causes.len() > SHOWN {
        let _ = writeln!(out, "and {} causes of as few cases", causes.len() - SHOWN);
    }
    show(&out);
    Ok(0)
}

/// What each rule, or each example, of a router earns.
pub(crate) fn mutate(measured: &Measured) -> Result<u8, Failure> {
    let (router, data) = load(measured)?;
    let runtime = runtime()?;
    let worths = runtime.block_on(router.worths(&data)).map_err(Failure::blocked)?.ok_or_else(|| {
        Failure::usage(
            "only a keyword router has rules to leave out, and a semantic one examples; `cargo orch fit --router` makes one",
        )
    })?;
    if measured.json {
        return show_json(&worths).map(|()| 0);
    }
    let harmful = worths.iter().filter(|worth| worth.costs > worth.earns).count();
    let idle = worths.iter().filter(|worth| worth.costs == worth.earns).count();
    let mut out =
        format!("{} looked at: {harmful} cost more than they earn, {idle} earn nothing\n", worths.len());
    for worth in worths.iter().take_while(|worth| worth.costs >= worth.earns).take(SHOWN) {
        let Worth { route, what, earns, costs } = worth;
        let _ = writeln!(out, "  [{route}] {what}: right by it {earns}, wrong by it {costs}");
    }
    show(&out);
    Ok(0)
}
