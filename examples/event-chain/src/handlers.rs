//! What is done about each event. A handler that fails ends by itself; the others go on.

use orch_core::event::Emitter;
use orch_core::router::{Label as _, Router as _};
use orch_core::{Error, Result};

use crate::archive::{Archive, Stored};
use crate::event::Step;
use crate::facts::Facts;
use crate::paper::Paper;

/// Makes text of a file.
pub(crate) async fn extract(_: &Archive, name: &str, file: &str, emitter: &Emitter<Step>) -> Result<()> {
    let text = file.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.is_empty() {
        return Err(Error::message(format!("{name} is empty")));
    }
    emitter.emit(Step::Extracted { name: name.to_owned(), text })?;
    Ok(())
}

/// Finds out what a file is.
pub(crate) async fn classify(
    archive: &Archive,
    name: &str,
    text: &str,
    emitter: &Emitter<Step>,
) -> Result<()> {
    let paper = archive.router.decide(text).await?.route;
    emitter.emit(Step::Classified { name: name.to_owned(), paper })?;
    Ok(())
}

/// Finds dates and sums.
pub(crate) async fn search(_: &Archive, name: &str, text: &str, emitter: &Emitter<Step>) -> Result<()> {
    emitter.emit(Step::Found { name: name.to_owned(), facts: Facts::of(text) })?;
    Ok(())
}

/// One half is there.
pub(crate) async fn classified(
    archive: &Archive,
    name: &str,
    paper: &Paper,
    emitter: &Emitter<Step>,
) -> Result<()> {
    let both = archive.learn(name, |known| known.paper = Some(*paper));
    join(name, both, emitter)
}

/// The other half is there.
pub(crate) async fn found(
    archive: &Archive,
    name: &str,
    facts: &Facts,
    emitter: &Emitter<Step>,
) -> Result<()> {
    let both = archive.learn(name, |known| known.facts = Some(facts.clone()));
    join(name, both, emitter)
}

/// Whichever half comes last puts both in a line.
fn join(name: &str, both: Option<(Paper, Facts)>, emitter: &Emitter<Step>) -> Result<()> {
    if let Some((paper, facts)) = both {
        let summary = format!("{}, {}", paper.label(), facts.line());
        emitter.emit(Step::Summarised { name: name.to_owned(), paper, summary })?;
    }
    Ok(())
}

/// Puts a file into the archive.
pub(crate) async fn store(
    archive: &Archive,
    name: &str,
    paper: &Paper,
    summary: &str,
    emitter: &Emitter<Step>,
) -> Result<()> {
    archive.store(Stored { name: name.to_owned(), paper: *paper, summary: summary.to_owned() });
    emitter.emit(Step::Stored { name: name.to_owned() })?;
    Ok(())
}

/// Tells that a file is stored.
pub(crate) async fn report(archive: &Archive, name: &str, _: &Emitter<Step>) -> Result<()> {
    archive.note(format!("{name} is stored"));
    Ok(())
}
