//! Routers that are fitted to few examples.

use orch_core::router::{
    Classifier, Decision, Dense, Encoded, Example, Fused, Head as _, Keyword, Learned, Scoring, Semantic,
};

use crate::routers::{Degrees, Letters};

/// Labels that say nothing, an example or two of each, and all of them to calibrate on.
#[tokio::test]
async fn however_few_and_strange_the_examples_a_fit_ends() {
    let of = |held_out, labels: &[&str]| -> Vec<Example<String>> {
        let example = |(place, label): (usize, &&str)| Example {
            held_out,
            ..Example::new(format!("{}", 40 * place), Some((*label).to_owned()))
        };
        labels.iter().enumerate().map(example).collect()
    };
    for held_out in [false, true] {
        for labels in [vec!["1", "2"], vec!["1", "2", "1", "2"], vec!["?", "?", "!"]] {
            let examples = of(held_out, &labels);
            let dense = Dense::fit(&Degrees, &examples).await.unwrap();
            assert!(dense.rank_embedded("0", &[1.0, 0.0]).confidence.is_finite());
            let fused = Fused::fit(&Degrees, &examples).await.unwrap();
            assert!(fused.rank_embedded("0", &[1.0, 0.0]).confidence.is_finite());
            let semantic = Semantic::fit(&Degrees, &examples, Scoring::Best).await.unwrap();
            assert!(semantic.rank_embedded("0", &[1.0, 0.0]).confidence.is_finite());
            assert!(Learned::fit(&examples).unwrap().rank("0").confidence.is_finite());
        }
    }
}

/// One example of each of some directions, and some of a direction that is none of them.
fn one_of_each() -> Vec<Example<String>> {
    let route = |degrees: u32| Example::new(degrees.to_string(), Some(degrees.to_string()));
    let outside = (0..6).map(|step| Example::new((300 + step).to_string(), None));
    (0..6).map(|step| route(40 * step)).chain(outside).collect()
}

#[tokio::test]
async fn one_example_of_each_route_is_enough_to_answer() {
    let examples = one_of_each();
    let right = |rank: &dyn Fn(f32) -> Decision<String>, abstains_below: f64| {
        let answered = (0..6).filter(|step| {
            let decision = rank((40 * step + 3) as f32);
            assert!(decision.confidence.is_finite());
            decision.route == (40 * step).to_string() && decision.confidence >= abstains_below
        });
        answered.count()
    };
    let vector = |degrees: f32| [degrees.to_radians().cos(), degrees.to_radians().sin()];
    for scoring in Scoring::CHOICE {
        let router = Semantic::fit(&Degrees, &examples, scoring).await.unwrap();
        let rank = |degrees: f32| router.rank_embedded("", &vector(degrees));
        assert_eq!(right(&rank, router.abstains_below()), 6, "{scoring:?}");
    }
    let dense = Dense::fit(&Degrees, &examples).await.unwrap();
    assert_eq!(right(&|degrees| dense.rank_embedded("", &vector(degrees)), dense.abstains_below()), 6);
    let fused = Fused::fit(&Degrees, &examples).await.unwrap();
    assert_eq!(right(&|degrees| fused.rank_embedded("", &vector(degrees)), fused.abstains_below()), 6);
}

/// The routes have names, by which they are known where their only example is left out.
#[tokio::test]
async fn with_one_example_of_each_what_is_out_of_scope_is_told_from_it() {
    let routes = [
        ("refund", "please refund the order", "a refund is what I want"),
        ("password", "reset the password of my account", "forgot my password"),
        ("delivery", "when is the delivery of my parcel", "the delivery is late"),
        ("invoice", "send the invoice again", "is this invoice right"),
        ("camera", "the camera shows no picture", "my camera is black"),
        ("battery", "the battery is empty at noon", "a new battery for it"),
    ];
    let outside = [
        "tell me a joke",
        "who won the game",
        "nice weather today",
        "what is love",
        "sing to me",
        "how old are you",
    ];
    let in_scope = routes.map(|(route, text, _)| Example::new(text, Some(route.to_owned())));
    let examples: Vec<Example<String>> =
        in_scope.into_iter().chain(outside.map(|text| Example::new(text, None))).collect();
    let learned = Learned::fit(&examples).unwrap();
    let encoder = Letters::default();
    let fused = Encoded::new(&encoder, Fused::fit(&encoder, &examples).await.unwrap()).unwrap();
    let mut answered = [0, 0];
    for (route, _, asked) in routes {
        for (place, decision) in
            [learned.classify(asked).await, fused.classify(asked).await].into_iter().enumerate()
        {
            answered[place] += usize::from(decision.unwrap().is_some_and(|decision| decision.route == route));
        }
    }
    assert!(answered.iter().all(|count| *count >= 5), "{answered:?}");
    for text in ["tell her a joke", "who won that game"] {
        assert_eq!(learned.classify(text).await.unwrap(), None, "{text}");
        assert_eq!(fused.classify(text).await.unwrap(), None, "{text}");
    }
}

#[tokio::test]
async fn a_route_with_one_example_is_not_in_every_message() {
    let mut examples: Vec<_> = (0..40)
        .map(|step| {
            let (degrees, route) = if step % 2 == 0 { (step, "east") } else { (90 + step, "north") };
            Example::new(degrees.to_string(), Some(route.to_owned()))
        })
        .collect();
    examples.push(Example::new("200", Some("west".to_owned())));
    for scoring in [Scoring::Best, Scoring::Mean(10)] {
        let router = Semantic::fit(&Degrees, &examples, scoring).await.unwrap();
        let router = Encoded::new(Degrees, router).unwrap();
        let found = router.several("10").await.unwrap();
        let found: Vec<&str> = found.iter().map(|ranked| ranked.route.as_str()).collect();
        assert_eq!(found, ["east"], "{scoring:?}");
    }
}

/// Every route's words are its own, so that whoever leads is right.
#[tokio::test]
async fn rules_that_are_always_right_are_sure_however_the_rows_are_ordered() {
    let routes = ["red", "green", "blue", "white", "black"];
    let examples: Vec<_> = (0..10)
        .flat_map(|round| {
            routes.map(|route| Example::new(format!("{route} number{round}"), Some(route.to_owned())))
        })
        .collect();
    let router = Keyword::mine(&examples, 20).unwrap();
    let decision = router.classify("something red").await.unwrap().unwrap();
    assert!(decision.route == "red" && decision.confidence > 0.8, "{decision:?}");
}
