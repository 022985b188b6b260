//! Past cases, found again by the words they share with a message.

use orch_core::Result;
use orch_core::retrieve::{Chunker, Document, Index, MemoryStore};
use stand_ins::Words;

/// Past cases that can be searched.
pub type Cases = Index<Words, MemoryStore>;

/// How like a message a case must be.
const ALIKE: f64 = 0.2;

const PAST: [(&str, &str); 8] = [
    ("loop bound", "A loop ran to `i <= n` and read one element too many. The last index is n - 1."),
    ("integer division", "An average came out whole, since both numbers were int. One was made a float."),
    ("sorting text", "Numbers were sorted as text: 1, 10, 11, 2. They were compared as numbers."),
    ("default argument", "A list as default argument was shared by all calls. The default became None."),
    ("copied reference", "A copy changed the original: both named one list. The list was cloned."),
    ("time zone", "Appointments were an hour early, stored in local time. They are stored in UTC now."),
    ("race", "A counter lost updates from ten threads. The increment was made atomic."),
    ("late closure", "All handlers alerted the last value: the closure kept the variable. Each got a copy."),
];

/// The past cases, read into memory.
///
/// # Errors
///
/// When one cannot be added.
pub async fn cases() -> Result<Cases> {
    let cases = Index::new(Words, MemoryStore::new(), Chunker::sentences(60, 0)).at_least(ALIKE);
    for (name, text) in PAST {
        cases.add(&Document::new(name, text)).await?;
    }
    Ok(cases)
}
