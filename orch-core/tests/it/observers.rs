//! Observers: the trace as data, callbacks, streams of events, spans.

use std::pin::pin;
use std::sync::Mutex;

use futures_util::stream::{self, Stream, StreamExt as _};
use orch_core::Status::{Cancelled, Completed, Failed, Pending, Running};
use orch_core::{
    Change, Error, Events, OnStepEnd, Recorder, Result, Route, Status, WorkflowEvent, fan_out, route,
    workflow,
};
use tokio::time::{Duration, sleep};

use crate::{after, assert_send};

async fn failing(ms: u64) -> Result<u32> {
    after(ms, ()).await?;
    Err(Error::message("it broke"))
}

workflow!(
    async fn half(n: u32) -> Result<u32> {
        let first = after(5, n).await?;
        let slow = after(1_000, first).await?;
        let broken = failing(10).await?;
        let never = after(1, slow).await?;
        Ok(never + broken)
    }
);

fn statuses(recorder: &Recorder) -> Vec<(&'static str, Status)> {
    recorder.records().iter().map(|record| (record.name, record.status)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_recorder_knows_what_never_started_and_what_was_dropped() {
    let recorder = Recorder::default();
    let mut run = pin!(half::observed(&recorder, 1));
    assert_eq!(statuses(&recorder)[0], ("after", Status::Pending), "before the first poll");
    tokio::select! {
        biased;
        _ = &mut run => unreachable!("it takes longer"),
        () = sleep(Duration::from_millis(7)) => {}
    }
    let during = [("after", Completed), ("after", Running), ("failing", Running), ("after", Pending)];
    assert_eq!(statuses(&recorder), during);
    run.await.unwrap_err();
    let records = recorder.records();
    let ended: Vec<Status> = records.iter().map(|record| record.status).collect();
    assert_eq!(ended, [Completed, Cancelled, Failed, Pending]);
    assert_eq!(records[1].started, Some(Duration::from_millis(5)));
    assert_eq!(records[2].error.as_deref(), Some("failing: it broke"));
    assert_eq!(records[2].duration.map(|took| took.as_millis() / 10), Some(1));
}

#[tokio::test(start_paused = true)]
async fn dropping_an_observed_run_cancels_its_steps() {
    let recorder = Recorder::default();
    {
        let mut run = pin!(half::observed(&recorder, 1));
        let cut = tokio::time::timeout(Duration::from_millis(1), &mut run).await;
        assert!(cut.is_err());
    }
    assert_eq!(statuses(&recorder)[..2], [("after", Status::Cancelled), ("after", Status::Pending)]);
}

#[derive(Route, Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Way {
    Left,
    #[route(default)]
    Right,
}

workflow!(
    async fn nests(way: Way, n: u32) -> Result<u32> {
        let chosen = route!(match way {
            Way::Left => after(1, n),
            Way::Right => failing(n.into()),
        })
        .await?;
        if chosen == 3 {
            let early = after(1, n).await?;
            return Ok(early);
        }
        let race = fan_out!(quick = after(1, n), slow = after(500, n)).first_ok().await?;
        Ok(race)
    }
);

#[tokio::test(start_paused = true)]
async fn a_step_around_others_ends_as_they_do() {
    let recorder = Recorder::default();
    nests::observed(&recorder, Way::Right, 1).await.unwrap_err();
    nests::observed(&recorder, Way::Left, 3).await.unwrap();
    nests::observed(&recorder, Way::Left, 4).await.unwrap();
    let of = |run: usize| {
        let records = recorder.records();
        records
            .into_iter()
            .filter(|record| record.run == run)
            .map(|record| (record.name, record.status))
            .collect::<Vec<_>>()
    };
    assert_eq!(of(0), [("chosen", Failed), ("if", Pending), ("race", Pending), ("failing", Failed)]);
    let left = [
        ("chosen", Completed),
        ("if", Completed),
        ("race", Pending),
        ("after", Completed),
        ("after", Completed),
    ];
    assert_eq!(of(1), left, "left by a return");
    let raced = of(2);
    let branches = [("race", Completed), ("after", Completed), ("quick", Completed), ("slow", Cancelled)];
    assert_eq!(raced[2..], branches);
}

#[tokio::test(start_paused = true)]
async fn a_callback_is_called_as_each_step_ends() {
    let log = Mutex::new(Vec::new());
    let observer = OnStepEnd::new(|step, end| log.lock().unwrap().push(format!("{} {end:?}", step.name)));
    let _ = half::observed(&observer, 1).await;
    assert_eq!(*log.lock().unwrap(), ["after Completed", "failing Failed(failing: it broke)"]);
}

/// Words, one each 10 ms.
fn words(text: &str) -> impl Stream<Item = Result<String>> {
    stream::iter(text.split_inclusive(' ').map(str::to_owned)).then(|word| after(10, word))
}

/// Fails after its first word, `times` times.
fn broken_words(failures: &Mutex<u32>) -> impl Stream<Item = Result<&'static str>> {
    let fails = {
        let mut left = failures.lock().unwrap();
        *left = left.saturating_sub(1);
        *left > 0
    };
    stream::iter([Ok("one "), if fails { Err(Error::message("cut")) } else { Ok("two") }])
}

workflow!(
    async fn story(topic: &str, failures: &Mutex<u32>) -> Result<(String, String)> {
        #[stream]
        #[timeout(10s)]
        let first = words(topic).await?;
        #[stream]
        #[retry(3)]
        let second = broken_words(failures).await?;
        Ok((first, second))
    }
);

#[tokio::test(start_paused = true)]
async fn tokens_and_steps_reach_the_caller_as_they_come() {
    let mut events = Events::bounded(1);
    let failures = Mutex::new(2);
    let mut run = pin!(assert_send(story::stream(&mut events, "a b c", &failures)));
    let (mut tokens, mut changes, mut result) = (Vec::new(), Vec::new(), None);
    while let Some(event) = run.next().await {
        match event {
            WorkflowEvent::Step(event) => match event.change {
                Change::Token(text) => tokens.push((event.step.name, text)),
                other => changes.push(format!("{} {other:?}", event.step.name)),
            },
            WorkflowEvent::Ended(ended) => result = Some(ended),
        }
    }
    assert!(run.next().await.is_none());
    assert_eq!(result.unwrap().unwrap(), ("a b c".to_owned(), "one two".to_owned()));
    let of = |name: &str| {
        tokens.iter().filter(|(step, _)| *step == name).map(|(_, text)| &**text).collect::<String>()
    };
    assert_eq!((of("words"), of("broken_words")), ("a b c".to_owned(), "one one two".to_owned()));
    assert!(
        changes.contains(&"broken_words Retried { attempt: 2, error: \"cut\" }".to_owned()),
        "{changes:?}"
    );
    assert!(changes.ends_with(&["words Completed".to_owned()]));
    // Without an observer, the same value.
    *failures.lock().unwrap() = 2;
    assert_eq!(story("a b c", &failures).await.unwrap().1, "one two");
}

workflow!(
    async fn rounds(n: u32) -> Result<u32> {
        let mut sum = 0;
        for i in 0..n {
            sum += std::future::ready(orch_core::Ok(i)).await?;
        }
        Ok(sum)
    }
);

#[tokio::test(start_paused = true)]
async fn a_stream_holds_no_more_than_its_bound_and_ends_with_the_result() {
    let mut events = Events::bounded(4);
    // Miri is some hundred times slower.
    let count_of_rounds = if cfg!(miri) { 100 } else { 10_000 };
    let mut run = pin!(rounds::stream(&mut events, count_of_rounds));
    let mut last = None;
    let mut count = 0;
    while let Some(event) = run.next().await {
        count += 1;
        let held = format!("{run:?}");
        let queued: usize = held
            .split("queued: ")
            .nth(1)
            .unwrap()
            .trim_end_matches([' ', '}', ','])
            .parse()
            .unwrap_or_else(|_| panic!("{held}"));
        assert!(queued <= 4 + 2, "{queued} are held");
        last = Some(event);
    }
    assert_eq!(count, 2 * count_of_rounds + 2 + 1);
    let Some(WorkflowEvent::Ended(Ok(sum))) = last else { panic!("{last:?}") };
    assert_eq!(sum, count_of_rounds * (count_of_rounds - 1) / 2);
}

struct Noted<'a>(&'a Mutex<bool>);

impl Drop for Noted<'_> {
    fn drop(&mut self) {
        *self.0.lock().unwrap() = true;
    }
}

async fn holds(dropped: &Mutex<bool>) -> Result<u32> {
    let _noted = Noted(dropped);
    after(1_000, 1).await
}

workflow!(
    async fn waits(dropped: &Mutex<bool>) -> Result<u32> {
        let value = holds(dropped).await?;
        Ok(value)
    }
);

#[tokio::test(start_paused = true)]
async fn dropping_the_stream_cancels_the_workflow() {
    let dropped = Mutex::new(false);
    let mut events = Events::bounded(4);
    {
        let mut run = pin!(waits::stream(&mut events, &dropped));
        assert!(
            matches!(run.next().await, Some(WorkflowEvent::Step(event)) if event.change == Change::Entered)
        );
        assert!(tokio::time::timeout(Duration::from_millis(1), run.next()).await.is_err());
        assert!(!*dropped.lock().unwrap());
    }
    assert!(*dropped.lock().unwrap());
}

workflow!(
    async fn mapped(texts: &[&str]) -> Result<usize> {
        let written = fan_out!(for text in texts {
            #[stream]
            words(text)
        })
        .concurrency(2)
        .await?;
        Ok(written.len())
    }
);

#[tokio::test(start_paused = true)]
async fn the_calls_of_a_map_stream_beside_each_other_through_a_full_queue() {
    let mut events = Events::bounded(1);
    let mut run = pin!(mapped::stream(&mut events, &["a b", "c d", "e f"]));
    let mut tokens = Vec::new();
    while let Some(event) = run.next().await {
        match event {
            WorkflowEvent::Step(event) => {
                if let Change::Token(text) = event.change {
                    tokens.push(text);
                }
            }
            WorkflowEvent::Ended(result) => assert_eq!(result.unwrap(), 3),
        }
    }
    tokens.sort();
    assert_eq!(tokens, ["a ", "b", "c ", "d", "e ", "f"]);
}

#[tokio::test(start_paused = true)]
async fn two_observers_watch_as_a_pair() {
    let (recorder, other) = (Recorder::default(), Recorder::default());
    let _ = half::observed(&(&recorder, &other), 1).await;
    assert_eq!(recorder.records(), other.records());
    assert_eq!(recorder.records().len(), 4);
}

/// Keeps what each span said of itself.
#[derive(Clone, Default)]
struct Spans(std::sync::Arc<Mutex<Vec<String>>>);

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Spans {
    fn on_new_span(
        &self,
        attributes: &tracing::span::Attributes<'_>,
        id: &tracing::Id,
        _: tracing_subscriber::layer::Context<'_, S>,
    ) {
        let parent = attributes.parent().map(tracing::Id::into_u64);
        self.0.lock().unwrap().push(format!("{} {parent:?} {:?}", id.into_u64(), attributes.values()));
    }

    fn on_record(
        &self,
        id: &tracing::Id,
        values: &tracing::span::Record<'_>,
        _: tracing_subscriber::layer::Context<'_, S>,
    ) {
        self.0.lock().unwrap().push(format!("{} {values:?}", id.into_u64()));
    }
}

#[tokio::test(start_paused = true)]
async fn steps_are_spans() {
    use tracing_subscriber::layer::SubscriberExt as _;
    let spans = Spans::default();
    let subscriber = tracing_subscriber::registry().with(spans.clone());
    let _guard = tracing::subscriber::set_default(subscriber);
    let observer = orch_core::Tracing::default();
    nests::observed(&observer, Way::Right, 1).await.unwrap_err();
    drop(waits::observed(&observer, &Mutex::new(false)));
    let said = spans.0.lock().unwrap().join("\n");
    for part in [
        "workflow",
        "nests",
        "orch.step: \"chosen\"",
        "orch.status: \"failed\"",
        "orch.status: \"finished\"",
        "failing: it broke",
        "orch.status: \"cancelled\"",
    ] {
        assert!(said.contains(part), "{part} is not in\n{said}");
    }
}

workflow!(
    async fn recovers(n: u32) -> Result<u32> {
        if n > 0 {
            #[or(5)]
            let a = failing(1).await?;
            return Ok(a);
        }
        Ok(n)
    }
);

workflow!(
    async fn around_recovery(n: u32) -> Result<u32> {
        #[flow]
        let a = recovers(n).await?;
        #[retry(2, backoff = 100ms..100ms)]
        #[flow]
        let b = half(a).await?;
        let c = fan_out!(for x in vec![b] {
            after(1_000, x)
        })
        .spawn()
        .await?;
        Ok(c[0])
    }
);

#[tokio::test(start_paused = true)]
async fn what_stood_in_for_a_failure_ends_it_there() {
    let recorder = Recorder::default();
    assert_eq!(recovers::observed(&recorder, 1).await.unwrap(), 5);
    assert_eq!(statuses(&recorder), [("if", Completed), ("failing", Failed)]);
    let recorder = Recorder::default();
    let cut = tokio::time::timeout(Duration::from_millis(50), around_recovery::observed(&recorder, 1)).await;
    assert!(cut.is_err());
    let top = statuses(&recorder)[..3].to_vec();
    assert_eq!(top, [("recovers", Completed), ("half", Cancelled), ("c", Pending)]);
}

workflow!(
    async fn of_one_name(x: u32) -> Result<u32> {
        let a = after(100, x).await?;
        let b = after(5, a).await?;
        let c = after(5, 7).await?;
        Ok(b + c)
    }
);

#[tokio::test(start_paused = true)]
async fn steps_of_one_name_keep_their_places() {
    let recorder = Recorder::default();
    of_one_name::observed(&recorder, 1).await.unwrap();
    let started: Vec<u128> =
        recorder.records().iter().map(|record| record.started.unwrap().as_millis()).collect();
    assert_eq!(started, [0, 100, 0]);
}

#[tokio::test(start_paused = true)]
async fn events_that_nobody_reads_hold_nobody_up() {
    let (recorder, events) = (Recorder::default(), Events::bounded(2));
    assert_eq!(rounds::observed(&(&recorder, &events), 10).await.unwrap(), 45);
}
