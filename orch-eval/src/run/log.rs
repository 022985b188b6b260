//! The log of a run: one line for each answer, written the moment it is there, so that a run that was killed goes on
//! where it stopped.

use std::collections::{BTreeMap, HashMap};
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Reply, RunError};
use crate::files::end_of_lines;
use crate::outcome::Outcome;
use crate::target::Answer;

/// What a log says first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Header {
    /// The suite.
    pub(crate) suite: String,
    /// The hash of the cases that are measured.
    pub(crate) data: String,
    /// How many there are.
    pub(crate) cases: usize,
    /// How often each is asked.
    pub(crate) epochs: usize,
    /// What tells the program that asked from others.
    pub(crate) program: String,
}

/// One answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Record {
    id: String,
    /// The epoch, where it is not the first.
    #[serde(default, skip_serializing_if = "is_zero")]
    epoch: usize,
    /// The answer, where it differs from that of the first epoch.
    #[serde(flatten)]
    said: Option<Said>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Said {
    got: Option<String>,
    /// 1 if it is right.
    ok: u8,
    /// The likeliest label, where it is not the one given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    best: Option<String>,
    confidence: f32,
    /// Where the right label stands in the ranking, if not first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rank: Option<u32>,
    stage: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    passed: Option<String>,
    /// Microseconds.
    us: f64,
    /// Dollars.
    #[serde(default, skip_serializing_if = "is_free")]
    usd: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_free(dollars: &f64) -> bool {
    *dollars <= 0.0
}

/// Answers by id, and whether each is right.
pub(super) type Answers = BTreeMap<String, (Option<String>, bool)>;

/// The answers that are there, and the file that gets more.
#[derive(Debug)]
pub(crate) struct Log {
    path: PathBuf,
    file: Mutex<File>,
    /// Answers of an earlier process, by epoch and id.
    known: HashMap<(usize, String), Said>,
}

impl Log {
    /// A new log.
    pub(crate) fn create(path: &Path, header: &Header) -> Result<Self, RunError> {
        let wrong = |error: std::io::Error| RunError::new(path, format!("cannot be written: {error}"));
        let mut file = OpenOptions::new().append(true).create_new(true).open(path).map_err(wrong)?;
        file.try_lock().map_err(|_| RunError::new(path, "another process has begun this run"))?;
        file.write_all(&line(header)).map_err(wrong)?;
        Ok(Self { path: path.to_owned(), file: Mutex::new(file), known: HashMap::new() })
    }

    /// A log that goes on. An unfinished last line is cut off; any other that cannot be read is an error.
    pub(crate) fn resume(path: &Path, header: &Header) -> Result<Self, RunError> {
        let wrong = |error: std::io::Error| RunError::new(path, format!("cannot be used: {error}"));
        let mut file = OpenOptions::new().append(true).create(true).open(path).map_err(wrong)?;
        file.try_lock().map_err(|_| RunError::new(path, "another process goes on with this run"))?;
        let text = whole_lines(path)?;
        let whole = text.len();
        file.set_len(whole as u64).map_err(wrong)?;
        if whole == 0 {
            // Killed before the first line was there.
            file.write_all(&line(header)).map_err(wrong)?;
        }
        let first = serde_json::to_string(header).unwrap_or_default();
        let mut lines = if whole == 0 { first.lines() } else { text.lines() };
        let found: Option<Header> = lines.next().and_then(|line| serde_json::from_str(line).ok());
        if found.as_ref() != Some(header) {
            let what = match found {
                Some(found) if found.data != header.data => "is of other data; run without ORCH_RESUME",
                Some(found) if found.program != header.program => {
                    "is of another build of the suite, whose answers may differ; run without ORCH_RESUME"
                }
                _ => "is of another suite, or none; run without ORCH_RESUME",
            };
            return Err(RunError::new(path, what));
        }
        let mut known = said_in(path, lines)?;
        // An error may have been the server's; it is asked again.
        known.retain(|_, said| said.error.is_none());
        Ok(Self { path: path.to_owned(), file: Mutex::new(file), known })
    }

    /// The suite, and the answers of the first epoch and whether they are right, by id.
    pub(super) fn answers(path: &Path) -> Result<(String, Answers), RunError> {
        let text = whole_lines(path)?;
        let mut lines = text.lines();
        let header: Option<Header> = lines.next().and_then(|line| serde_json::from_str(line).ok());
        let header = header.ok_or_else(|| RunError::new(path, "is no log of a run"))?;
        let said = said_in(path, lines)?.into_iter();
        let first = said.filter(|((epoch, _), said)| *epoch == 0 && said.error.is_none());
        Ok((header.suite, first.map(|((_, id), said)| (id, (said.got, said.ok == 1))).collect()))
    }

    /// The answer to a case of an earlier process.
    pub(crate) fn known(&self, epoch: usize, id: &str) -> Option<Reply> {
        if self.known.is_empty() {
            return None;
        }
        let said = self.known.get(&(epoch, id.to_owned()))?.clone();
        let answer = Answer {
            best: said.best.or_else(|| said.got.clone()),
            got: said.got,
            confidence: f64::from(said.confidence),
            rank: said.rank.or(Some(1)).filter(|rank| *rank > 0),
            stage: said.stage.into(),
            passed: said.passed,
            scored: Some(said.ok == 1),
        };
        let took = Duration::from_secs_f64(said.us / 1e6);
        Some(Reply { answer: Ok(answer), took, cost: (said.usd * 1e6).round() as u64 })
    }

    /// Writes an answer. In a later epoch only what differs from the answer of the first is written out.
    pub(crate) fn write(
        &self,
        epoch: usize,
        outcome: &Outcome,
        first: Option<&Outcome>,
    ) -> Result<(), RunError> {
        let same = first.is_some_and(|first| first.same_answer(outcome));
        let said = (!same).then(|| Said {
            got: outcome.got.clone(),
            ok: u8::from(outcome.right),
            best: outcome.best.clone().filter(|best| outcome.got.as_ref() != Some(best)),
            confidence: outcome.confidence as f32,
            // 0 stands for a right label that is not in the ranking.
            rank: Some(outcome.rank.unwrap_or(0)).filter(|rank| *rank != 1),
            stage: outcome.stage.to_string(),
            passed: outcome.passed.clone(),
            us: (outcome.took.as_secs_f64() * 1e7).round() / 10.0,
            usd: outcome.cost_usd,
            error: outcome.error.clone(),
        });
        let record = Record { id: outcome.id.clone(), epoch, said };
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        // One write a line: what a killed process leaves is whole lines and at most one piece.
        file.write_all(&line(&record)).map_err(|error| {
            let what =
                format!("cannot be written: {error}; the answers before are safe, go on with ORCH_RESUME=1");
            RunError::new(&self.path, what)
        })
    }
}

/// The text of a log but for an unfinished last line.
fn whole_lines(path: &Path) -> Result<String, RunError> {
    let wrong = |what: String| RunError::new(path, what);
    let mut bytes = std::fs::read(path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    bytes.truncate(end_of_lines(&bytes));
    String::from_utf8(bytes).map_err(|_| wrong("is no log of a run: it is not UTF-8".to_owned()))
}

/// The answers in the lines after the first, by epoch and id.
fn said_in<'a>(
    path: &Path,
    lines: impl Iterator<Item = &'a str>,
) -> Result<HashMap<(usize, String), Said>, RunError> {
    let mut known: HashMap<(usize, String), Said> = HashMap::new();
    for (index, line) in lines.enumerate() {
        let wrong = |what: &str| RunError {
            line: index + 2,
            ..RunError::new(path, format!("is no answer of a run ({what}); run without ORCH_RESUME"))
        };
        let Record { id, epoch, said } =
            serde_json::from_str(line).map_err(|error| wrong(&error.to_string()))?;
        let first = || known.get(&(0, id.clone())).filter(|_| epoch > 0).cloned();
        let said = said.or_else(first).ok_or_else(|| wrong("it says nothing"))?;
        if !(said.us >= 0.0 && said.us < 1e15 && said.usd >= 0.0 && said.usd < 1e9) {
            return Err(wrong("its time or its cost is none"));
        }
        known.insert((epoch, id), said);
    }
    Ok(known)
}

fn line(value: &impl Serialize) -> Vec<u8> {
    // Strings and numbers always serialise.
    let mut bytes = serde_json::to_vec(value).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}
