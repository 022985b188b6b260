//! Routers: what they decide, and what their files survive.

use std::sync::{Arc, Mutex};

use orch_core::router::{
    Calibrated, Cascade, Classifier, Decision, Encoded, Encoder, Ensemble, Example, Fused, Head as _,
    Keyword, Label, Learned, Passed, Ranked, Router, Scoring, Semantic, Undecided, Vectors,
};
use orch_core::{Budget, Kind, Limits, Result, Route, Spending};
use proptest::prelude::*;

#[derive(Route, Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Intent {
    #[route(keywords("refund"))]
    Billing,
    #[route(keywords("crash"))]
    Technical,
    #[route(default)]
    Other,
}

fn examples() -> Vec<Example<Intent>> {
    let billing = [
        "I was charged twice",
        "refund the second charge",
        "wrong invoice",
        "my card was charged",
        "invoice missing",
    ];
    let technical = [
        "the app crashes",
        "error on login screen",
        "screen stays black",
        "app shows an error",
        "it crashes daily",
    ];
    let outside = ["nice weather", "tell me a joke", "who won the game", "hello there", "what is love"];
    let with = |route: Option<Intent>| move |text: &str| Example::new(text, route);
    billing
        .into_iter()
        .map(with(Some(Intent::Billing)))
        .chain(technical.into_iter().map(with(Some(Intent::Technical))))
        .chain(outside.into_iter().map(with(None)))
        .collect()
}

#[tokio::test]
async fn a_learned_router_generalises_and_knows_what_it_does_not_know() {
    let router = Learned::fit(&examples()).unwrap();
    assert_eq!(router.decide("why was my card charged twice").await.unwrap().route, Intent::Billing);
    assert_eq!(router.decide("the app crashs on the login scren").await.unwrap().route, Intent::Technical);
    let lost = router.decide("qqqq zzzz").await.unwrap();
    assert_eq!((lost.route, lost.decided_by), (Intent::Other, "default"));
    let strict = router.abstaining_below(1.1);
    assert!(strict.classify("my card was charged").await.unwrap().is_none());
}

/// Counts letters, keeps what it was last asked for, and knows some words.
#[derive(Default)]
pub(crate) struct Letters(Mutex<Vec<String>>);

impl Encoder for Letters {
    fn identity(&self) -> &'static str {
        "letters"
    }

    fn dimensions(&self) -> usize {
        26
    }

    fn word_rank(&self, word: &str) -> Option<u32> {
        let words = "the crashed elephants app screen card charge charged charged crashes error invoice refund second \
                     stays black daily shows login twice wrong missing";
        words.split(' ').position(|known| known == word).map(|place| place as u32)
    }

    async fn encode(&self, texts: &[&str]) -> Result<Vectors> {
        *self.0.lock().unwrap() = texts.iter().map(|text| (*text).to_owned()).collect();
        let counted =
            |text: &str| ('a'..='z').map(|letter| text.matches(letter).count() as f32 + 0.1).collect();
        Ok(texts.iter().map(|text| counted(text)).collect())
    }
}

#[tokio::test]
async fn a_text_is_embedded_as_it_was_meant() {
    let encoder = Letters::default();
    let router = Encoded::new(&encoder, Fused::fit(&encoder, &examples()).await.unwrap()).unwrap();
    for (input, embedded) in [
        ("the app crashes", "the app crashes"),
        ("Hi! the app crashse, thanks a lot", "the app crashes"),
        // What the encoder knows is no slip, and neither is what no example is near.
        ("the app crashed", "the app crashed"),
        ("the app qwertyuiop", "the app qwertyuiop"),
        // A slip of a word that no example has, but the encoder does.
        ("the app elephnats", "the app elephants"),
    ] {
        router.rank(input).await.unwrap();
        assert_eq!(*encoder.0.lock().unwrap(), [embedded]);
    }
    router.rank_in_context(&["the app crashse", "why the crashse"], 0.5).await.unwrap();
    assert_eq!(*encoder.0.lock().unwrap(), ["the app crashes", "why the crashes"]);
}

/// A direction of so many degrees.
pub(crate) struct Degrees;

impl Encoder for Degrees {
    fn identity(&self) -> &'static str {
        "degrees"
    }

    fn dimensions(&self) -> usize {
        2
    }

    async fn encode(&self, texts: &[&str]) -> Result<Vectors> {
        let of = |text: &&str| text.parse::<f32>().map_or(0.0, f32::to_radians);
        Ok(texts.iter().map(|text| vec![of(text).cos(), of(text).sin()]).collect())
    }
}

#[tokio::test]
async fn the_scoring_that_does_best_on_unseen_examples_is_chosen() {
    // Some labels are wrong, which misleads whoever believes the nearest example.
    let noisy: Vec<Example<String>> = (0..120)
        .map(|i| {
            let (east, wrong) = (i % 2 == 0, i % 7 == 0);
            let degrees = if east { i / 4 } else { 60 + i / 4 };
            Example::new(degrees.to_string(), Some(if east == wrong { "north" } else { "east" }.to_owned()))
        })
        .collect();
    let router = Semantic::fit_choosing(&Degrees, &noisy).await.unwrap();
    assert!(Scoring::CHOICE[1..].contains(&router.scoring()), "{:?}", router.scoring());
    let right = |router: &Semantic<String>| {
        let route = |degrees: usize| {
            let angle = (degrees as f32 + 0.5).to_radians();
            router.rank_embedded("", &[angle.cos(), angle.sin()]).route
        };
        (0..30).filter(|degrees| route(*degrees) == "east" && route(60 + degrees) == "north").count()
    };
    let nearest = Semantic::fit(&Degrees, &noisy, Scoring::Best).await.unwrap();
    assert!(right(&router) == 30 && right(&nearest) < 27, "{} {}", right(&router), right(&nearest));
    // Where all labels are right and what is next to an example is another route, only the nearest knows.
    let striped: Vec<Example<String>> = (0..60)
        .map(|i| {
            let route = if i / 2 % 2 == 0 { "even" } else { "odd" };
            Example::new((i / 2 * 12).to_string(), Some(route.to_owned()))
        })
        .collect();
    let router = Semantic::fit_choosing(&Degrees, &striped).await.unwrap();
    assert_eq!(router.scoring(), Scoring::Best);
}

#[test]
fn probabilities_are_probabilities() {
    let router = Learned::fit(&examples()).unwrap();
    for text in ["refund", "crash", "", "weather", "🦀 ü", &"long ".repeat(10_000)] {
        let decision = router.rank(text);
        let sum: f64 = decision.ranking.iter().map(|ranked| ranked.confidence).sum();
        assert!((0.0..=1.0 + 1e-6).contains(&sum), "{text}: {sum}");
        assert!(decision.ranking.is_sorted_by(|a, b| a.confidence >= b.confidence));
        assert!((decision.confidence - decision.ranking[0].confidence).abs() < f64::EPSILON);
    }
}

#[test]
fn one_route_is_not_enough() {
    let error = Learned::fit(&examples()[..5]).unwrap_err();
    assert_eq!(error.kind(), Kind::Router);
    assert!(error.to_string().contains("at least 2 routes"), "{error}");
    assert!(Learned::<Intent>::fit(&[]).is_err());
}

#[test]
fn a_file_gives_the_same_router_back() {
    let router = Learned::fit(&examples()).unwrap();
    let bytes = router.to_bytes();
    assert_eq!(Learned::<Intent>::from_bytes(&bytes).unwrap(), router);
    assert_eq!(Learned::fit(&examples()).unwrap().to_bytes(), bytes, "fitting is deterministic");
    let by_name = Learned::<Arc<str>>::from_bytes(&bytes).unwrap();
    assert_eq!(by_name.routes().iter().map(Label::label).collect::<Vec<_>>(), ["billing", "technical"]);
}

#[derive(Route, Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Others {
    Sales,
    #[route(default)]
    Rest,
}

#[test]
fn a_damaged_file_is_refused_with_the_reason() {
    let bytes = Learned::fit(&examples()).unwrap().to_bytes();
    let reason = |bytes: &[u8]| Learned::<Intent>::from_bytes(bytes).unwrap_err().to_string();
    assert!(reason(b"").contains("not a router file"));
    assert!(reason(b"PK\x03\x04 something else").contains("not a router file"));
    assert!(reason(&bytes[..bytes.len() / 2]).contains("cut short"));
    let mut version = bytes.clone();
    version[8] = 9;
    assert!(reason(&version).contains("version 9"));
    let mut longer = bytes.clone();
    longer.push(0);
    assert!(reason(&longer).contains("after its end"));
    let foreign = Learned::<Others>::from_bytes(&bytes).unwrap_err().to_string();
    assert!(foreign.contains("has `billing`, `technical`"), "{foreign}");
    assert!(foreign.contains("lacks `sales`"), "{foreign}");
}

proptest! {
    /// Whatever bit flips, wherever it is cut: an error, never another router and never a panic.
    #[test]
    fn no_damage_goes_unseen(bit in 0_usize..1 << 20, cut in 0_usize..1 << 17) {
        let bytes = FILE.with(Clone::clone);
        let mut flipped = bytes.clone();
        let bit = bit % (bytes.len() * 8);
        flipped[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(Learned::<Intent>::from_bytes(&flipped).is_err());
        prop_assert!(Learned::<Intent>::from_bytes(&bytes[..cut % bytes.len()]).is_err());
    }

    #[test]
    fn arbitrary_bytes_are_no_router(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Learned::<Intent>::from_bytes(&bytes).is_err());
        let mut framed = b"ORCHROUT\x01\0\0\0".to_vec();
        framed.extend_from_slice(&bytes);
        prop_assert!(Learned::<Intent>::from_bytes(&framed).is_err());
    }

    #[test]
    fn any_text_gets_a_decision(text in ".{0,300}") {
        let decision = ROUTER.with(|router| router.rank(&text));
        prop_assert!(decision.confidence.is_finite());
        KEYWORD.with(|keyword| keyword.find(&text));
    }
}

thread_local! {
    static ROUTER: Learned<Intent> = Learned::fit(&examples()).unwrap();
    static FILE: Vec<u8> = ROUTER.with(Learned::to_bytes);
    static KEYWORD: Keyword<Intent> = Keyword::declared().unwrap();
}

/// Always sure, and always wrong about it.
#[derive(Debug)]
struct Stubborn;

impl Classifier for Stubborn {
    type Route = Intent;

    async fn classify(&self, _: &str) -> Result<Option<orch_core::router::Decision<Intent>>> {
        Err(orch_core::Error::message("down"))
    }
}

#[tokio::test]
async fn a_cascade_asks_in_order_and_ends_with_its_default() {
    let learned = Learned::fit(&examples()).unwrap();
    let cascade = Cascade::first("rules", Keyword::<Intent>::declared().unwrap(), 0.6)
        .then("examples", learned, 0.5)
        .otherwise(Intent::Other);
    let decide = async |text: &str| {
        let decision = cascade.decide(text).await.unwrap();
        (decision.route, decision.decided_by)
    };
    assert_eq!(decide("a refund, a refund").await, (Intent::Billing, "rules"));
    assert_eq!(decide("my card was charged").await, (Intent::Billing, "examples"));
    assert_eq!(decide("qqqq").await, (Intent::Other, "default"));
}

#[tokio::test]
async fn a_stage_that_fails_is_an_error_and_no_decision() {
    let cascade = Cascade::first("down", Stubborn, 0.0).otherwise(Intent::Other);
    assert_eq!(cascade.decide("x").await.unwrap_err().to_string(), "down");
}

/// Fails as a budget does when it has not enough left.
struct Broke(Budget);

impl Classifier for Broke {
    type Route = Intent;

    async fn classify(&self, _: &str) -> Result<Option<Decision<Intent>>> {
        self.0.reserve(Spending::new(1, 1, 0.0)).map(|_| None)
    }
}

#[tokio::test]
async fn a_stage_may_pass_on_failure_but_not_what_ends_a_run() {
    let keyword = || Keyword::<Intent>::declared().unwrap();
    let cascade = Cascade::first("down", Stubborn, 0.0).pass_on_failure().then("rules", keyword(), 0.6);
    let cascade = cascade.otherwise(Intent::Other);
    let decision = cascade.decide("a refund, a refund").await.unwrap();
    assert_eq!((decision.route, decision.decided_by), (Intent::Billing, "rules"));
    assert_eq!(decision.passed, [Passed { stage: "down", why: Undecided::Failed("down".to_owned()) }]);

    let broke = Broke(Budget::new(Limits::new().calls(0)));
    let cascade = Cascade::first("broke", broke, 0.0).pass_on_failure().otherwise(Intent::Other);
    assert_eq!(cascade.decide("x").await.unwrap_err().kind(), Kind::Budget);
}

#[tokio::test]
async fn a_cascade_is_a_stage_that_abstains_where_its_default_decides() {
    let inner = || {
        Cascade::first("rules", Keyword::<Intent>::declared().unwrap(), 0.6)
            .then("down", Stubborn, 0.0)
            .pass_on_failure()
    };
    let inner = inner().otherwise(Intent::Technical);
    let decision = inner.classify("a refund, a refund").await.unwrap().unwrap();
    assert_eq!((decision.route, decision.decided_by), (Intent::Billing, "rules"));
    // That a stage failed is not hidden behind an abstention.
    let hidden = inner.classify("x").await.unwrap_err().to_string();
    assert_eq!(hidden, "down: failed: down");
    let outer = Cascade::first("inner", inner, 0.0).pass_on_failure().otherwise(Intent::Other);
    let decision = outer.decide("x").await.unwrap();
    assert_eq!((decision.route, decision.passed.len()), (Intent::Other, 1));
    let decision = outer.decide("a refund, a refund").await.unwrap();
    assert_eq!((decision.route, decision.decided_by), (Intent::Billing, "inner"));
}

/// Whatever stands around a cascade, its failed stage is not lost: a suite must hear of it.
#[tokio::test]
async fn a_failed_stage_is_told_of_through_all_that_is_made_of_routers() {
    let keyword = || Keyword::<Intent>::declared().unwrap();
    let inner = || {
        let stages = Cascade::first("down", Stubborn, 0.0).pass_on_failure().then("rules", keyword(), 0.0);
        stages.otherwise(Intent::Other)
    };
    let unsure = Cascade::first("inner", inner(), 1.0).otherwise(Intent::Other);
    let decision = unsure.decide("a refund").await.unwrap();
    assert_eq!((decision.decided_by, decision.failed_stage().unwrap().stage), ("default", "down"));
    let ensemble = || Ensemble::of(inner()).and(keyword());
    for decision in
        [ensemble().vote().classify("a refund").await, ensemble().fuse().classify("a refund").await]
    {
        assert_eq!(decision.unwrap().unwrap().failed_stage().unwrap().stage, "down");
    }
    let examples = vec![Example::new("a refund", Some(Intent::Billing)); 30];
    let error = Calibrated::fit(inner(), &examples).await.unwrap_err().to_string();
    assert_eq!(error, "down: failed: down");
    let strict = Calibrated::fit(keyword(), &examples).await.unwrap().to_bytes();
    let strict = Calibrated::from_bytes(inner(), &strict).unwrap().abstaining_below(1.0);
    assert_eq!(strict.classify("a refund").await.unwrap_err().to_string(), "down: failed: down");
}

#[test]
fn the_default_is_as_likely_as_none_of_the_others_is() {
    let shares = [(Intent::Other, 0.4), (Intent::Billing, 0.35), (Intent::Technical, 0.2)];
    let ranking: Vec<_> = shares.map(|(route, confidence)| Ranked { route, confidence }).into();
    let decision = Decision { ranking, ..Decision::new(Intent::Other, 0.4, "test") };
    assert!((decision.or_default_below(0.5).confidence - 0.45).abs() < 1e-9);
    let unknown = Decision { ranking: vec![], ..Decision::new(Intent::Other, 0.0, "test") };
    assert!(unknown.or_default_below(0.5).confidence.abs() < 1e-9);
}

#[derive(Route, Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Many {
    A,
    B,
    C,
    D,
    E,
    F,
    G,
    H,
    I,
    J,
    K,
    L,
    #[route(default)]
    Other,
}

#[test]
fn what_the_ranking_has_no_room_for_may_be_meant_as_well() {
    // Twelve routes as likely, of which ten are ranked.
    let ranking: Vec<_> =
        Many::ALL[..10].iter().map(|route| Ranked { route: *route, confidence: 0.08 }).collect();
    let decision = Decision { ranking, ..Decision::new(Many::A, 0.08, "test") };
    let default = decision.or_default_below(0.5);
    assert_eq!(default.route, Many::Other);
    assert!((default.confidence - 0.04).abs() < 1e-9, "{}", default.confidence);
}

#[tokio::test]
async fn nobody_ranked_is_likelier_than_the_first() {
    // Billing wins by weight, and has been wrong in most of such cases.
    let text = "#:confidence -2 0\n[billing]\nrefund * 2\n[technical]\ncrash";
    let words = Keyword::<Intent>::from_text(text).unwrap();
    let decision = words.find("a refund for the crash").unwrap();
    assert!(decision.ranking[1].confidence <= decision.confidence, "{decision:?}");
    let wrong = vec![Example::new("a refund for the crash", Some(Intent::Technical)); 30];
    let calibrated = Calibrated::fit(Keyword::<Intent>::declared().unwrap(), &wrong).await;
    assert!(calibrated.is_err(), "between two with as much weight it abstains");
    let calibrated = Calibrated::fit(words, &wrong).await.unwrap().abstaining_below(0.0);
    let decision = calibrated.classify("a refund for the crash").await.unwrap().unwrap();
    assert!(decision.ranking[1].confidence <= decision.confidence, "{decision:?}");
}

#[tokio::test]
async fn of_those_who_count_nothing_nothing_is_made() {
    let silent = || Keyword::new([(Intent::Billing, "never said")]).unwrap();
    let fused = Ensemble::of(silent()).and(Keyword::<Intent>::declared().unwrap()).weighing(0.0).fuse();
    assert_eq!(fused.classify("a refund").await.unwrap(), None);
}

#[test]
fn a_route_without_an_example_is_named_when_the_file_is_read() {
    let billing_and_outside: Vec<_> =
        examples().into_iter().filter(|example| example.route != Some(Intent::Technical)).collect();
    let others = (0..9).map(|_| Example::new("anything else", Some(Intent::Other)));
    // A stage of a cascade may know some of the routes only.
    let router = Learned::fit(&billing_and_outside.into_iter().chain(others).collect::<Vec<_>>()).unwrap();
    let error = Learned::<Intent>::from_bytes(&router.to_bytes()).unwrap_err().to_string();
    assert!(error.contains("lacks `technical`, which the program has; give examples"), "{error}");
}

#[test]
fn rules_of_other_routes_name_those_and_what_is_missing() {
    let says = |text: &str| Keyword::<Intent>::from_text(text).unwrap_err().to_string();
    let strange = says("[billing]\nrefund\n[sales]\noffer");
    assert_eq!(
        strange,
        "line 3: no route has the label `sales`; the program's routes without a line: `technical`"
    );
    // Whoever writes rules may have none for a route; what was mined has every route there was.
    assert!(Keyword::<Intent>::from_text("[billing]\nrefund").is_ok());
    let fitted = says("#:confidence 0.5 1\n[billing]\nrefund");
    assert!(fitted.contains("fitted without `technical`"), "{fitted}");
    // Also one that no word leads to.
    let mute = (0..9).map(|_| Example::new("", Some(Intent::Technical)));
    let billing = examples().into_iter().filter(|example| example.route != Some(Intent::Technical));
    let mined = Keyword::mine(&billing.chain(mute).collect::<Vec<_>>(), 20).unwrap();
    assert!(mined.rules().iter().all(|rule| rule.route != Intent::Technical));
    assert_eq!(Keyword::<Intent>::from_text(&mined.to_text()).unwrap().to_text(), mined.to_text());
}

#[test]
fn what_is_out_of_scope_is_learned_from_whichever_rows_have_it() {
    // Only what has a route is held out, as in data whose validation rows are all in scope.
    let mut examples = examples();
    for round in 0..3 {
        examples.extend(self::examples().into_iter().map(|example| Example {
            input: format!("{} {}", example.input, ["please", "now", "today"][round]),
            held_out: example.route.is_some() && round == 0,
            ..example
        }));
    }
    let router = Learned::fit(&examples).unwrap();
    assert!(router.abstains_below() > 0.0);
}

#[test]
fn a_threshold_that_is_none_still_makes_a_file_that_can_be_read() {
    for (asked, kept) in [(1.5, 1.0), (-1.0, 0.0), (f64::NAN, 0.0)] {
        let router = Learned::fit(&examples()).unwrap().abstaining_below(asked);
        let read = Learned::<Intent>::from_bytes(&router.to_bytes()).unwrap();
        assert!((read.abstains_below() - kept).abs() < f64::EPSILON);
    }
}

#[test]
fn corrections_are_learned_and_what_was_right_stays() {
    let router = Learned::fit(&examples()).unwrap();
    let wrong = "my parcel voucher is void";
    let to = if router.rank(wrong).route == Intent::Billing { Intent::Technical } else { Intent::Billing };
    let better = router.corrected(&[Example::new(wrong, Some(to))]).unwrap();
    assert_eq!(better.rank(wrong).route, to);
    let kept = examples();
    let same =
        kept.iter().filter(|example| better.rank(&example.input).route == router.rank(&example.input).route);
    assert!(same.count() * 10 >= kept.len() * 9);
    // It is a router like any other: kept in a file, corrected again.
    let again = Learned::<Intent>::from_bytes(&better.to_bytes()).unwrap();
    assert_eq!(again, better);
    let named = router.corrected(&[Example::new("x", Some(Intent::Other))]).unwrap_err().to_string();
    assert!(named.contains("`other`") && named.contains("billing"), "{named}");
}

#[test]
fn words_explain_a_decision() {
    let router = Learned::fit(&examples()).unwrap();
    let input = "hello there, the app crashes";
    let (decision, reasons) = router.explain(input);
    assert_eq!(decision, router.rank(input));
    assert_eq!(reasons.len(), 5);
    assert_eq!(&input[reasons[0].start..][..reasons[0].word.len()], reasons[0].word);
    assert!(["app", "crashes"].contains(&reasons[0].word) && reasons[0].weight > 0.0, "{reasons:?}");
    assert!(router.explain("").1.is_empty() && router.explain(&"🙂 ä ".repeat(1 << 20)).1.len() <= 64);
}
