//! The workflow: uploads go onto the bus, and the bus runs until nothing is left to do.

use orch_core::event::{Bus, Drained, Ended, Event as _, Sender, bus};
use orch_core::{Result, workflow};

use crate::archive::Archive;
use crate::event::Step;

/// Events that may wait on the bus: who sends more waits for room.
const ROOM: usize = 8;

/// A file that came in.
#[derive(Clone, Debug)]
pub struct Upload {
    /// Its name.
    pub name: String,
    /// What is in it.
    pub file: String,
}

/// What came of some uploads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intake {
    /// How many were sent.
    pub sent: usize,
    /// How many events there were, and how their handlers ended.
    pub drained: Drained,
    /// The handlers that failed.
    pub failures: Vec<Failure>,
}

/// A handler that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The file it was about.
    pub file: String,
    /// The event.
    pub event: &'static str,
    /// The handler.
    pub handler: &'static str,
    /// Why.
    pub why: String,
}

workflow!(
    /// Takes uploads in.
    pub async fn take_in(archive: &Archive, uploads: Vec<Upload>) -> Result<Intake> {
        let (sender, bus) = bus(ROOM);
        let sent = send(sender, uploads).await?; //               waits where there is no room,
        let (drained, failures) = drain(bus, archive).await?; //  while this makes some
        Ok(Intake { sent, drained, failures })
    }
);

/// Sends all uploads. The bus ends when its last sender is gone, and this is the last.
async fn send(sender: Sender<Step>, uploads: Vec<Upload>) -> Result<usize> {
    let count = uploads.len();
    for Upload { name, file } in uploads {
        sender.send(Step::Uploaded { name, file }).await?;
    }
    Ok(count)
}

/// Runs the bus until all is handled.
async fn drain(bus: Bus<Step>, archive: &Archive) -> Result<(Drained, Vec<Failure>)> {
    let mut failures = Vec::new();
    let drained = bus
        .run(archive, |ended| {
            if let Ended::Failed { event, handler, error, .. } = ended {
                let file = event.file().to_owned();
                failures.push(Failure { file, event: event.name(), handler, why: error.to_string() });
            }
        })
        .await;
    Ok((drained, failures))
}
