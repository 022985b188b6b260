//! Errors: the step is named, its siblings are dropped, and the type is the declared one.

use std::num::ParseIntError;

use orch_core::{Error, Kind, Recorder, Result, Status, fan_out, pipeline, workflow};

use crate::{Log, after, noted};

async fn number(text: &str) -> Result<u32, ParseIntError> {
    text.parse()
}

workflow!(
    async fn inner(text: &str) -> Result<u32> {
        let number = number(text).await?;
        Ok(number)
    }
);

workflow!(
    async fn outer(log: &Log, text: &str) -> Result<u32> {
        let slow = noted(log, "slow", 100).await?;
        #[flow]
        let value = inner(text).await?;
        Ok(slow + value)
    }
);

#[tokio::test(start_paused = true)]
async fn the_first_failure_names_its_path_and_drops_its_siblings() {
    let log = Log::default();
    let error = outer(&log, "many").await.unwrap_err();
    assert_eq!(error.path(), "inner/number");
    assert_eq!((error.kind(), error.attempts()), (Kind::Step, 1));
    assert!(error.downcast_ref::<ParseIntError>().is_some());
    assert_eq!(error.to_string(), "inner/number: invalid digit found in string");
    assert_eq!(log.lines(), ["slow starts"], "the sibling was dropped while it ran");
}

#[tokio::test(start_paused = true)]
async fn an_observer_is_told_the_error() {
    let (log, recorder) = (Log::default(), Recorder::default());
    let _ = outer::observed(&recorder, &log, "many").await;
    let records = recorder.records();
    let failed: Vec<_> = records.iter().filter(|record| record.status == Status::Failed).collect();
    assert_eq!(failed.iter().map(|record| record.name).collect::<Vec<_>>(), ["inner", "number"]);
    assert!(failed[0].error.as_ref().unwrap().contains("invalid digit"));
    let slow = records.iter().find(|record| record.name == "noted").unwrap();
    assert_eq!(slow.status, Status::Cancelled, "it never ended");
}

/// An error of the user's own.
#[derive(Debug, PartialEq)]
enum Mine {
    Parse(ParseIntError),
    Orch(Kind),
}

impl From<ParseIntError> for Mine {
    fn from(error: ParseIntError) -> Self {
        Self::Parse(error)
    }
}

impl From<Error> for Mine {
    fn from(error: Error) -> Self {
        Self::Orch(error.kind())
    }
}

workflow!(
    async fn declared(text: &str) -> Result<u32, Mine> {
        #[timeout(50ms)]
        let waited = after(if text == "9" { 100 } else { 1 }, 1).await?;
        let number = number(text).await?;
        Ok(waited + number)
    }
);

#[tokio::test(start_paused = true)]
async fn the_error_type_is_the_declared_one() {
    assert_eq!(declared("1").await, Ok(2));
    assert!(matches!(declared("one").await, Err(Mine::Parse(_))));
    assert_eq!(declared("9").await, Err(Mine::Orch(Kind::Timeout)));
}

#[tokio::test(start_paused = true)]
async fn a_fan_out_names_its_branch_and_a_pipeline_its_stage() {
    let error = fan_out!(good = after(1, 1), bad = number("x")).await.unwrap_err();
    assert_eq!(error.path(), "bad");
    let error = pipeline!(number, |n: u32| after(1, n)).run("y").await.unwrap_err();
    assert_eq!(error.path(), "number");
    let mapped = fan_out!(for text in ["1", "z"] {
        number(text)
    })
    .await
    .unwrap_err();
    assert_eq!(mapped.path(), "number");
}

#[test]
fn an_error_turns_into_a_standard_one() {
    let standard: Box<dyn std::error::Error + Send + Sync> = Error::message("no").into();
    assert_eq!(standard.to_string(), "no");
    let error = Error::from("x".parse::<u32>().unwrap_err());
    assert!(error.into_std().source().unwrap().is::<ParseIntError>());
}
