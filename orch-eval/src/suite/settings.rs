//! What the environment asks of a run.

use std::path::PathBuf;
use std::time::Duration;

use super::SuiteError;

/// Settings of a run: the environment first, the suite second.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Settings {
    /// `ORCH_BLESS=1`: what is found becomes the baseline.
    pub(super) bless: bool,
    /// `ORCH_RESUME=1`: the latest run goes on where it stopped.
    pub(super) resume: bool,
    /// `ORCH_EPOCHS`: how often each case is asked.
    pub(super) epochs: Option<usize>,
    /// `ORCH_SAMPLE`: only so many cases, evenly spread.
    pub(super) sample: Option<usize>,
    /// `ORCH_BASELINE`: the file to compare with.
    pub(super) baseline: Option<PathBuf>,
    /// `ORCH_MAX_SECONDS`: no case is begun later.
    pub(super) longest: Option<Duration>,
}

impl Settings {
    pub(super) fn from_environment() -> Result<Self, SuiteError> {
        let settings = Self {
            bless: flag("ORCH_BLESS"),
            resume: flag("ORCH_RESUME"),
            epochs: count("ORCH_EPOCHS")?,
            sample: count("ORCH_SAMPLE")?,
            baseline: std::env::var_os("ORCH_BASELINE").map(PathBuf::from),
            longest: count("ORCH_MAX_SECONDS")?.map(|seconds| Duration::from_secs(seconds as u64)),
        };
        if settings.bless && in_ci() {
            return Err(SuiteError::BlessInCi);
        }
        if let (true, Some(sample)) = (settings.bless, settings.sample) {
            let wanted = "nothing: a baseline is of all cases";
            return Err(SuiteError::Setting { name: "ORCH_SAMPLE", value: sample.to_string(), wanted });
        }
        Ok(settings)
    }
}

/// Whether the environment has this variable, with the value 1.
pub(crate) fn flag(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| value == "1")
}

fn count(name: &'static str) -> Result<Option<usize>, SuiteError> {
    let Ok(value) = std::env::var(name) else { return Ok(None) };
    match value.parse() {
        Ok(count) if count > 0 => Ok(Some(count)),
        _ => Err(SuiteError::Setting { name, value, wanted: "a whole number above 0" }),
    }
}

/// Whether this runs where nobody is there to decide.
pub(crate) fn in_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false" && value != "0")
}
