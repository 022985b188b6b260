//! A folder of recorded exchanges.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use orch_core::Result;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::models::Replay;
use super::shards::{self, Came, Line};
use super::{CassetteError, miss};
use crate::run;
use crate::suite::in_ci;
use orch_core::guard::Secrets;

/// When a cassette asks the real model or tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Never: what is not recorded is an error. Unless said otherwise, and always under CI.
    Strict,
    /// Where nothing is recorded yet.
    Missing,
    /// Always; what was recorded is replaced.
    All,
}

/// Recorded exchanges with models and tools, in a folder that goes into version control.
///
/// A request is known by its content: kind, model, messages and parameters. Asked again in a suite's next epoch, or
/// again for the same case, it has another recording. Each exchange is written the moment it is there, one line of JSON
/// in a file by the first digits of its key, and the files are sorted when the last handle is gone. Headers are never
/// seen here; an exchange with what looks like a secret in it is not kept, and that is an error.
///
/// `ORCH_RECORD` says when the real thing is asked: `none` (so it is without the variable), `missing` or `all`.
/// `ORCH_MAX_USD` bounds what asking may cost, at the prices that [`Replay::priced`] is told (what
/// [`call`](Cassette::call) asks has none): no call is begun once that much is spent, so that it is exceeded by what is
/// asked at the same time at most. Handles are cheap to clone and share everything.
///
/// ```
/// use orch_core::Result;
/// use orch_eval::{Cassette, Mode};
///
/// # let folder = std::env::temp_dir().join(format!("orch-doc-{}", std::process::id()));
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let recording = Cassette::record(&folder, Mode::Missing)?;
/// let price: u32 = recording.call("price", &"tea", async { Ok(3) }).await?;
///
/// // From now on nobody asks.
/// let replaying = Cassette::open(&folder)?;
/// let again: u32 = replaying.call("price", &"tea", async { unreachable!("recorded") }).await?;
/// assert_eq!(price, again);
/// let error = replaying.call::<_, u32>("price", &"coffee", async { unreachable!("strict") }).await.unwrap_err();
/// assert!(error.to_string().contains("recorded `tea`, asked `coffee`"));
/// # orch_core::Ok(()) }).unwrap();
/// # std::fs::remove_dir_all(folder).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct Cassette {
    shared: Arc<Shared>,
    mode: Mode,
    secrets: &'static Secrets,
}

#[derive(Debug)]
struct Shared {
    folder: PathBuf,
    state: Mutex<State>,
    /// In micro-dollars; `None` is without bound.
    most: Option<u64>,
}

#[derive(Debug, Default)]
struct State {
    known: HashMap<Key, Known>,
    /// How often a case has had an answer to the same in an epoch.
    answered: HashMap<Asked, u32>,
    /// The folder, held while this process may write: others may too, but nobody sorts the files meanwhile.
    lock: Option<File>,
    wrote: bool,
    spent: u64,
}

/// A request that is asked of the real thing.
#[derive(Debug)]
pub(super) struct Open {
    asked: Asked,
    kind: String,
    request: Value,
}

/// What there is for a request.
pub(super) enum Begun {
    /// A recording.
    Recorded(Came),
    /// Nothing yet.
    Live(Open),
}

/// A case, its epoch, and the key of what it asks.
type Asked = (String, usize, u128);

/// A request, and which time it is asked: the epoch, and the number within the case.
type Key = (u128, (usize, u32));

#[derive(Clone, Debug)]
struct Known {
    came: Came,
    /// Whether this process recorded it.
    fresh: bool,
}

impl Cassette {
    /// Opens a folder, which need not exist. `ORCH_RECORD` says when the real thing is asked.
    ///
    /// # Errors
    ///
    /// When a file cannot be read, a line is no recording, or the environment asks for what it may not.
    pub fn open(folder: impl AsRef<Path>) -> std::result::Result<Self, CassetteError> {
        Self::record(folder, Mode::from_environment()?)
    }

    /// Opens a folder, which need not exist, in a program whose purpose it is to record: the environment has no say, not
    /// even under CI. A suite [opens](Cassette::open) its cassette.
    ///
    /// # Errors
    ///
    /// When a file cannot be read, or a line is no recording.
    pub fn record(folder: impl AsRef<Path>, mode: Mode) -> std::result::Result<Self, CassetteError> {
        let folder = folder.as_ref().to_owned();
        let most = match std::env::var("ORCH_MAX_USD") {
            Err(_) => None,
            Ok(text) => match text.parse::<f64>() {
                Ok(dollars) if dollars >= 0.0 && dollars.is_finite() => Some((dollars * 1e6) as u64),
                _ => {
                    let what = format!("ORCH_MAX_USD is `{text}`; write a number of dollars");
                    return Err(CassetteError::Setting(what));
                }
            },
        };
        let mut known = HashMap::new();
        for line in shards::read(&folder)? {
            if let Ok(key) = u128::from_str_radix(&line.key, 16) {
                known.insert((key, line.at), Known { came: line.came, fresh: false });
            }
        }
        let state = Mutex::new(State { known, ..State::default() });
        let shared = Arc::new(Shared { folder, state, most });
        Ok(Self { shared, mode, secrets: Secrets::known() })
    }

    /// Also refuses to keep email addresses.
    #[must_use]
    pub fn without_emails(mut self) -> Self {
        self.secrets = Secrets::and_emails();
        self
    }

    /// A model, embedder or anything else whose calls this cassette keeps.
    pub fn replay<M>(&self, model: M) -> Replay<M> {
        Replay::new(self.clone(), model)
    }

    /// The recorded answer to a request, or that of `live`, which is polled only where the mode says so. `kind` names
    /// what is asked: a tool, or a model. An error is recorded too, as its words and how long it asks to wait.
    ///
    /// # Errors
    ///
    /// What was recorded as an error, or `live` gives; a [`CassetteError`] where there is no recording, it cannot be
    /// kept, or the budget is spent.
    pub async fn call<Q: Serialize + ?Sized, A: Serialize + DeserializeOwned>(
        &self,
        kind: &str,
        request: &Q,
        live: impl Future<Output = Result<A>>,
    ) -> Result<A> {
        self.exchange(kind, request, live, |_| 0).await
    }

    /// Whether what asking may cost is bounded.
    pub(super) fn is_bounded(&self) -> bool {
        self.shared.most.is_some() && self.mode != Mode::Strict
    }

    /// As [`call`](Cassette::call), where an answer has a cost, in micro-dollars.
    pub(super) async fn exchange<Q: Serialize + ?Sized, A: Serialize + DeserializeOwned>(
        &self,
        kind: &str,
        request: &Q,
        live: impl Future<Output = Result<A>>,
        cost: impl Fn(&A) -> u64,
    ) -> Result<A> {
        let open = match self.begin(kind, serde_json::to_value(request)?)? {
            Begun::Recorded(came) => {
                let answer = came.answer();
                run::spend(answer.as_ref().map_or(0, &cost));
                return answer;
            }
            Begun::Live(open) => open,
        };
        let answer = live.await;
        if let Ok(answer) = &answer {
            self.shared.state().spent += cost(answer);
            run::spend(cost(answer));
        }
        self.finish(open, Came::of(&answer)?)?;
        answer
    }

    /// What was recorded for a request, or that the real thing may be asked.
    pub(super) fn begin(&self, kind: &str, request: Value) -> Result<Begun> {
        let (case, epoch) = run::case_and_epoch();
        let key = key(kind, &request);
        // A call that is given up takes no number: asked again, it is the same time still.
        let asked = (case, epoch, key);
        let at = (epoch, self.shared.times_answered(&asked));
        if let Some(came) = self.known((key, at)) {
            self.shared.answered(asked);
            return Ok(Begun::Recorded(came));
        }
        if self.mode == Mode::Strict {
            let recorded = shards::read(&self.shared.folder)?;
            let why = miss::explain(&recorded, kind, &request, self.secrets);
            return Err(CassetteError::Miss { case: asked.0, kind: kind.to_owned(), why }.into());
        }
        self.shared.afford()?;
        Ok(Begun::Live(Open { asked, kind: kind.to_owned(), request }))
    }

    /// Keeps what came of a request.
    pub(super) fn finish(&self, open: Open, came: Came) -> Result<()> {
        let Open { asked, kind, request } = open;
        let (case, epoch, key) = asked.clone();
        // Others may have asked the same meanwhile.
        let at = (epoch, self.shared.answered(asked));
        let line = Line { key: format!("{key:032x}"), at, kind, request, came };
        if let Some((place, secret)) = self.secret_in(&line) {
            return Err(CassetteError::Secret { case, kind: line.kind, place, secret }.into());
        }
        self.shared.keep(&line)?;
        self.shared.state().known.insert((key, at), Known { came: line.came, fresh: true });
        Ok(())
    }

    fn known(&self, key: Key) -> Option<Came> {
        let state = self.shared.state();
        let known = state.known.get(&key)?;
        (self.mode != Mode::All || known.fresh).then(|| known.came.clone())
    }

    /// Where a line holds a secret, and of what kind.
    fn secret_in(&self, line: &Line) -> Option<(String, &'static str)> {
        let words;
        let came = match &line.came {
            Came::Reply(reply) => ("reply", reply),
            Came::Error { what, .. } => {
                words = Value::String(what.clone());
                ("error", &words)
            }
        };
        for (part, value) in [("request", &line.request), came] {
            let leaves = miss::leaves(value);
            let found = leaves.iter().find_map(|(field, text)| Some((field, self.secrets.find(text)?)));
            if let Some((field, secret)) = found {
                let place = if field.is_empty() { part.to_owned() } else { format!("{part} ({field})") };
                return Some((self.secrets.redacted(&place), secret));
            }
            // What comes in pieces may hold one across them.
            let whole: String = leaves.iter().map(|(_, text)| text.as_str()).collect();
            if let Some(secret) = self.secrets.find(&whole) {
                return Some((part.to_owned(), secret));
            }
            // Names and values together, as `"api_key": ".."` is only told by both.
            if let Some(secret) = self.secrets.find(&value.to_string()) {
                return Some((part.to_owned(), secret));
            }
        }
        self.secrets.find(&line.kind).map(|secret| ("kind".to_owned(), secret))
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // Whoever panicked while holding it left whole entries.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How often a case has had an answer to this in the epoch.
    fn times_answered(&self, asked: &Asked) -> u32 {
        self.state().answered.get(asked).copied().unwrap_or(0)
    }

    /// Counts an answer, and says how many there were before.
    fn answered(&self, asked: Asked) -> u32 {
        let mut state = self.state();
        let times = state.answered.entry(asked).or_default();
        *times += 1;
        *times - 1
    }

    fn afford(&self) -> std::result::Result<(), CassetteError> {
        let spent = self.state().spent;
        match self.most {
            Some(most) if spent >= most => {
                let dollars = |micro: u64| micro as f64 / 1e6;
                let what = format!("{:.4} of {:.4} dollars", dollars(spent), dollars(most));
                Err(CassetteError::Budget { what })
            }
            _ => Ok(()),
        }
    }

    fn keep(&self, line: &Line) -> std::result::Result<(), CassetteError> {
        let cannot = |error: std::io::Error| CassetteError::File {
            path: self.folder.clone(),
            line: 0,
            what: format!("cannot be written: {error}"),
        };
        let mut state = self.state();
        if state.lock.is_none() {
            std::fs::create_dir_all(&self.folder).map_err(cannot)?;
            let lock = File::open(&self.folder).map_err(cannot)?;
            lock.lock_shared().map_err(cannot)?;
            state.lock = Some(lock);
        }
        state.wrote = true;
        shards::append(&self.folder, line)
    }
}

/// The last handle puts the files in order, unless another process still writes.
impl Drop for Shared {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(lock) = state.lock.take().filter(|_| state.wrote) {
            let alone = lock.unlock().is_ok() && lock.try_lock().is_ok();
            if alone {
                // Unsorted they are as good; the next to record sorts them.
                let _ = shards::tidy(&self.folder);
            }
        }
    }
}

impl Mode {
    fn from_environment() -> std::result::Result<Self, CassetteError> {
        let mode = match std::env::var("ORCH_RECORD").as_deref() {
            Err(_) | Ok("" | "none") => Self::Strict,
            Ok("missing") => Self::Missing,
            Ok("all") => Self::All,
            Ok(other) => {
                let what = format!("ORCH_RECORD is `{other}`; write `none`, `missing` or `all`");
                return Err(CassetteError::Setting(what));
            }
        };
        if mode != Self::Strict && in_ci() {
            let what = "ORCH_RECORD is refused under CI: record on your own machine and commit it";
            return Err(CassetteError::Setting(what.to_owned()));
        }
        Ok(mode)
    }
}

/// 128-bit FNV-1a (Fowler, Noll, Vo) of a request. Fields come sorted, whatever order they were written in.
fn key(kind: &str, request: &Value) -> u128 {
    let text = format!("{kind}\0{}", canonical(request));
    text.bytes().fold(0x6C62_272E_07BB_0142_62B8_2175_6295_C58D, |hash, byte| {
        (hash ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013B)
    })
}

/// JSON with sorted fields: serde's own maps keep the order of insertion if any crate asks for it.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let mut sorted: Vec<(&String, &Value)> = fields.iter().collect();
            sorted.sort_by_key(|(name, _)| *name);
            let fields = sorted
                .into_iter()
                .map(|(name, value)| format!("{}:{}", Value::String(name.clone()), canonical(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}
