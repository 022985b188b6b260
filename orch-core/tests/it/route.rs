//! `route!`: exactly one arm runs.

use orch_core::router::{Decision, Label, Ranked};
use orch_core::{Recorder, Result, Route, route, workflow};

use crate::{Log, after, noted};

#[derive(Route, Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Intent {
    /// Charges and invoices.
    ///
    /// More than the first paragraph is not the description.
    #[route(keywords("refund", "invoice"), examples("I was billed twice"))]
    Billing,
    #[route(label = "tech")]
    TechnicalHelp,
    #[route(default)]
    Other,
}

#[test]
fn the_derive_gives_the_closed_set() {
    assert_eq!(Intent::ALL, [Intent::Billing, Intent::TechnicalHelp, Intent::Other]);
    assert_eq!(Intent::DEFAULT, Intent::Other);
    assert_eq!(Intent::ALL.iter().map(Label::label).collect::<Vec<_>>(), ["billing", "tech", "other"]);
    assert_eq!(Intent::from_label("tech"), Some(Intent::TechnicalHelp));
    assert_eq!(Intent::from_label("technical_help"), None);
    let billing = Intent::DETAILS[0];
    assert_eq!(billing.description, "Charges and invoices.");
    assert_eq!(
        (billing.keywords, billing.examples),
        (&["refund", "invoice"][..], &["I was billed twice"][..])
    );
}

fn decision(route: Intent) -> Decision<Intent> {
    let ranking = vec![Ranked { route, confidence: 0.9 }];
    Decision { ranking, ..Decision::new(route, 0.9, "test") }
}

async fn text(value: &str) -> Result<String> {
    Ok(value.to_owned())
}

#[tokio::test(start_paused = true)]
async fn only_the_chosen_arm_runs() {
    let log = Log::default();
    for (intent, expected) in [(Intent::Billing, 1), (Intent::TechnicalHelp, 2), (Intent::Other, 3)] {
        let took = route!(match intent {
            Intent::Billing => noted(&log, "billing", 1),
            Intent::TechnicalHelp => after(1, 2),
            Intent::Other => noted(&log, "other", 3),
        })
        .await
        .unwrap();
        assert_eq!(took, expected);
    }
    assert_eq!(log.lines(), ["billing starts", "billing ends", "other starts", "other ends"]);
}

#[tokio::test(start_paused = true)]
async fn a_decision_is_matched_by_its_route() {
    let decided = decision(Intent::TechnicalHelp);
    let name = route!(match decided {
        Intent::Billing | Intent::Other => text("one"),
        Intent::TechnicalHelp => text("two"),
    })
    .await
    .unwrap();
    assert_eq!((name.as_str(), decided.confidence), ("two", 0.9));
}

/// A search: nothing found is an outcome too.
enum Found {
    Some(Vec<String>),
    Nothing,
}

#[tokio::test(start_paused = true)]
async fn any_closed_enum_routes_and_arms_may_have_guards() {
    for (found, expected) in [
        (Found::Some(vec!["a".to_owned(), "b".to_owned()]), "many"),
        (Found::Some(vec!["a".to_owned()]), "a"),
        (Found::Nothing, "none"),
    ] {
        let answer = route!(match found {
            Found::Some(all) if all.len() > 1 => text("many"),
            Found::Some(all) => text(&all[0]),
            Found::Nothing => text("none"),
        })
        .await
        .unwrap();
        assert_eq!(answer, expected);
    }
}

workflow!(
    async fn routed(decided: &Decision<Intent>) -> Result<String> {
        let decided = decided.clone();
        let answer = route!(match decided {
            #[retry(2)]
            Intent::Billing => text("billing"),
            Intent::TechnicalHelp => text("tech"),
            Intent::Other => text("other"),
        })
        .await?;
        Ok(answer)
    }
);

#[tokio::test(start_paused = true)]
async fn an_observer_is_told_the_decision() {
    let recorder = Recorder::default();
    assert_eq!(routed::observed(&recorder, &decision(Intent::Billing)).await.unwrap(), "billing");
    let records = recorder.records();
    let decided = records[0].decision.clone().unwrap();
    assert_eq!((records[0].name, decided), ("answer", ("billing".to_owned(), 0.9, "test".to_owned())));
    assert_eq!((records[1].name, records[1].parent), ("text", Some(0)));
}

#[derive(Route, Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Ten {
    A,
    B,
    C,
    D,
    E,
    F,
    G,
    H,
    I,
    #[route(default)]
    J,
}

#[tokio::test(start_paused = true)]
async fn more_arms_than_one_enum_holds() {
    for (index, ten) in (0_u32..).zip(Ten::ALL.iter().copied()) {
        let found = route!(match ten {
            Ten::A => after(1, 0),
            Ten::B => after(1, 1),
            Ten::C => after(1, 2),
            Ten::D => after(1, 3),
            Ten::E => after(1, 4),
            Ten::F => after(1, 5),
            Ten::G => after(1, 6),
            Ten::H => after(1, 7),
            Ten::I => after(1, 8),
            Ten::J => after(1, 9),
        })
        .await
        .unwrap();
        assert_eq!(found, index);
    }
}
