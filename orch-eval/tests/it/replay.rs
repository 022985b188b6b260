//! Recordings: what is kept, what is refused, and what survives.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use orch_core::model::Price;
use orch_core::model::{ChatModel, ChatReply, ChatRequest, Message, Usage};
use orch_core::router::{Encoder, LlmRouter, Vectors};
use orch_core::{Error, Result, Route};
use orch_eval::{Cassette, CassetteError, Gate, Mode, Suite};

#[derive(Route, Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Intent {
    /// Charges and invoices.
    Billing,
    /// What does not work.
    Technical,
    #[route(default)]
    Other,
}

/// Answers from a script: `billing` to what speaks of money, an error to what speaks of a limit.
#[derive(Clone, Default)]
struct Scripted {
    calls: Arc<AtomicUsize>,
    /// Answers otherwise each second time.
    wavers: bool,
}

impl ChatModel for Scripted {
    fn name(&self) -> &'static str {
        "scripted"
    }

    async fn chat(&self, request: &ChatRequest) -> Result<ChatReply> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        let asked = request.messages.last().unwrap().text();
        if asked.contains("limit") && call == 0 {
            return Err(Error::message("429 Too Many Requests").try_again_after(Duration::from_millis(20)));
        }
        let wavers = self.wavers && asked.contains("again") && call % 2 == 1;
        let text = if asked.contains("charge") && !wavers { "billing" } else { "technical" };
        Ok(ChatReply::new(text, Usage { input_tokens: 100, output_tokens: 10 }))
    }
}

fn ask(text: &str) -> ChatRequest {
    ChatRequest::new(vec![Message::system("route"), Message::user(text)])
}

fn cassette(folder: &Path) -> Cassette {
    Cassette::record(folder, Mode::Missing).unwrap()
}

fn miss(error: &Error) -> &CassetteError {
    error.downcast_ref().unwrap_or_else(|| panic!("{error}"))
}

#[tokio::test]
async fn what_was_answered_is_answered_again_without_asking() {
    let folder = tempfile::tempdir().unwrap();
    let live = Scripted::default();
    let recording = cassette(folder.path()).replay(live.clone());
    let first = recording.chat(&ask("a limit")).await.unwrap_err();
    let second = recording.chat(&ask("a limit")).await.unwrap();
    let third = recording.chat(&ask("a charge")).await.unwrap();
    assert_eq!(live.calls.load(Ordering::Relaxed), 3);
    drop(recording);

    let silent = Scripted::default();
    let replaying = Cassette::open(folder.path()).unwrap().replay(silent.clone());
    let again = replaying.chat(&ask("a limit")).await.unwrap_err();
    assert_eq!((again.to_string(), again.retry_after()), (first.to_string(), first.retry_after()));
    assert_eq!(replaying.chat(&ask("a limit")).await.unwrap(), second);
    assert_eq!(replaying.chat(&ask("a charge")).await.unwrap(), third);
    let error = replaying.chat(&ask("a change")).await.unwrap_err();
    assert!(
        error.to_string().contains("messages[1].text (recorded `a charge`, asked `a change`)"),
        "{error}"
    );
    let error = replaying.chat(&ask("a charge")).await.unwrap_err();
    assert!(error.to_string().contains("not so often"), "{error}");
    assert_eq!(silent.calls.load(Ordering::Relaxed), 0);
}

/// Letters counted.
struct Letters;

impl Encoder for Letters {
    fn identity(&self) -> &'static str {
        "letters"
    }

    fn dimensions(&self) -> usize {
        2
    }

    async fn encode(&self, texts: &[&str]) -> Result<Vectors> {
        Ok(texts.iter().map(|text| vec![text.len() as f32, 1.0 / 3.0]).collect())
    }
}

#[tokio::test]
async fn embeddings_and_tools_replay_to_the_last_bit() {
    let folder = tempfile::tempdir().unwrap();
    let recording = cassette(folder.path());
    let vectors = recording.replay(Letters).encode(&["one", "three"]).await.unwrap().vectors;
    let found: Vec<String> =
        recording.call("search", &("rust", 3), async { Ok(vec!["a".to_owned()]) }).await.unwrap();
    drop(recording);
    let replaying = Cassette::open(folder.path()).unwrap();
    assert_eq!(replaying.replay(Letters).encode(&["three"]).await.unwrap().vectors[0], vectors[1]);
    let again: Vec<String> = replaying.call("search", &("rust", 3), async { unreachable!() }).await.unwrap();
    assert_eq!(again, found);
}

fn suite(folder: &Path, cassette: &Cassette, model: Scripted) -> Suite {
    let data = folder.join("data.jsonl");
    let rows = ["a charge again", "the charge", "a black screen"].map(|input| {
        let label = if input.contains("charge") { "billing" } else { "technical" };
        format!("{{\"id\":\"{input}\",\"input\":\"{input}\",\"label\":\"{label}\"}}\n")
    });
    std::fs::write(&data, rows.concat()).unwrap();
    let cassette = cassette.clone();
    Suite::new("desk")
        .folder(folder.join("evals"))
        .runs(folder.join("runs"))
        .data(data)
        .without_snapshot()
        .without_times()
        .router(move || {
            let price = Price { input: 2.0, output: 10.0 };
            LlmRouter::<_, Intent>::new(cassette.replay(model.clone()).priced(price))
        })
        .gate(Gate::mean_cost_at_most(0.0004))
}

#[test]
fn a_suite_replays_each_epoch_as_it_was_and_a_miss_names_the_case() {
    let folder = tempfile::tempdir().unwrap();
    let tapes = folder.path().join("tapes");
    let wavering = Scripted { wavers: true, ..Scripted::default() };
    let recorded = suite(folder.path(), &cassette(&tapes), wavering).run().unwrap();
    let silent = Scripted::default();
    let strict = Cassette::open(&tapes).unwrap();
    let replayed = suite(folder.path(), &strict, silent.clone()).run().unwrap();
    assert_eq!(silent.calls.load(Ordering::Relaxed), 0);
    // Three answers of the first epoch, at 100 tokens in and 10 out.
    assert!((recorded.metrics.cost_usd - 3.0 * 0.0003).abs() < 1e-9, "{}", recorded.metrics.cost_usd);
    assert_eq!(recorded.judgements[0].reason, "it is 0.000300");
    assert!(recorded.noise > 0.0, "the model wavers");
    assert_eq!(recorded.outcomes, replayed.outcomes);
    assert!((recorded.noise - replayed.noise).abs() < 1e-12);
    let data = folder.path().join("more.jsonl");
    std::fs::write(&data, "{\"id\":\"new\",\"input\":\"the charges\",\"label\":\"billing\"}\n").unwrap();
    let missed = suite(folder.path(), &strict, silent).data(data).run().unwrap();
    assert_eq!(missed.verdict.exit_code(false), 4);
    let error = missed.outcomes[0].error.clone().unwrap();
    assert!(
        error.contains("case new: nothing is recorded") && error.contains("ORCH_RECORD=missing"),
        "{error}"
    );
}

#[tokio::test]
async fn a_budget_stops_asking_and_not_replaying() {
    // In a process of its own, as the environment is everybody's.
    if std::env::var_os("ORCH_TEST_BUDGET").is_none() {
        let status = Command::new(std::env::current_exe().unwrap())
            .args(["replay::a_budget_stops_asking_and_not_replaying", "--exact"])
            .env("ORCH_TEST_BUDGET", "1")
            .env("ORCH_MAX_USD", "0.0005")
            .env_remove("CI")
            .stdout(Stdio::null())
            .status();
        assert!(status.unwrap().success());
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    // 100 tokens in and 10 out are 0.0003 dollars.
    let price = Price { input: 2.0, output: 10.0 };
    let model = cassette(folder.path()).replay(Scripted::default()).priced(price);
    assert!(model.chat(&ask("one")).await.is_ok());
    assert!(model.chat(&ask("two")).await.is_ok());
    let error = model.chat(&ask("three")).await.unwrap_err();
    assert!(matches!(miss(&error), CassetteError::Budget { .. }), "{error}");
    assert!(error.to_string().contains("0.0006 of 0.0005 dollars"), "{error}");
}

/// A made-up secret of each kind that is known, and then some in the wrappings they come in.
fn secrets() -> Vec<String> {
    let mut random = fastrand::Rng::with_seed(11);
    let mut letters = |count: usize| (0..count).map(|_| random.alphanumeric()).collect::<String>();
    let hex =
        |count: usize| "0123456789abcdef".chars().cycle().skip(count % 7).take(count).collect::<String>();
    let upper = |count: usize| "ABCDEFGH23456789".chars().cycle().take(count).collect::<String>();
    let mut found = vec![
        format!("-----BEGIN RSA PRIVATE KEY-----\n{}", letters(64)),
        format!("AGE-SECRET-KEY-1{}", upper(40)),
        format!("Authorization: Bearer {}", letters(24)),
        format!("authorization: Basic {}", letters(16)),
        format!("Bearer {}", letters(32)),
        format!("x-api-key: {}", letters(20)),
        format!("postgres://admin:{}@db.example.org/app", letters(12)),
        format!("eyJ{}.eyJ{}.{}", letters(20), letters(30), letters(30)),
        format!("password={}", letters(12)),
        format!("\"client_secret\": \"{}\"", letters(24)),
        format!("AKIA{}", upper(16)),
        format!("aws_secret_access_key = {}", letters(40)),
        format!("AccountKey={}==", letters(60)),
        format!("https://x.blob.example.org/a?sv=1&sig={}", letters(44)),
        format!("AIza{}", letters(35)),
        format!("ya29.{}", letters(40)),
        format!("GOCSPX-{}", letters(28)),
        format!("sk-ant-api03-{}", letters(40)),
        format!("sk-proj-{}", letters(40)),
        format!("sk-{}", letters(48)),
        format!("xai-{}", letters(40)),
        format!("gsk_{}", letters(48)),
        format!("pplx-{}", letters(48)),
        format!("hf_{}", letters(34)),
        format!("r8_{}", letters(37)),
        format!("nvapi-{}", letters(60)),
        format!("lsv2_pt_{}", hex(32)),
        format!("pcsk_{}", letters(50)),
        format!("ghp_{}", letters(36)),
        format!("github_pat_{}", letters(60)),
        format!("glpat-{}", letters(20)),
        format!("ATATT{}", letters(40)),
        format!("xoxb-1234-{}", letters(24)),
        format!("xapp-1-{}", letters(24)),
        format!("https://hooks.slack.com/services/{}", letters(30)),
        format!("https://discord.com/api/webhooks/1234/{}", letters(60)),
        format!("123456789:AA{}", letters(33)),
        format!("sk_live_{}", letters(24)),
        format!("whsec_{}", letters(32)),
        format!("sq0atp-{}", letters(22)),
        format!("shpat_{}", hex(32)),
        format!("SK{}", hex(32)),
        format!("SG.{}.{}", letters(22), letters(43)),
        format!("key-{}", hex(32)),
        format!("{}-us12", hex(32)),
        format!("npm_{}", letters(36)),
        format!("pypi-{}", letters(80)),
        format!("rubygems_{}", hex(48)),
        format!("cio{}", letters(32)),
        format!("dckr_pat_{}", letters(27)),
        format!("dop_v1_{}", hex(64)),
        format!("hvs.{}", letters(40)),
        format!("{}.atlasv1.{}", letters(14), letters(64)),
        format!("dapi{}", hex(32)),
        format!("glsa_{}", letters(40)),
        format!("NRAK-{}", upper(27)),
        format!("sntrys_{}", letters(60)),
        format!("lin_api_{}", letters(40)),
        format!("ntn_{}", letters(46)),
        format!("figd_{}", letters(44)),
    ];
    found.dedup();
    found
}

/// Every file below a folder.
fn written(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { files.extend(written(&path)) } else { files.push(path) }
    }
    files
}

/// Fails with a secret in its words.
struct Leaks(String);

impl ChatModel for Leaks {
    fn name(&self) -> &'static str {
        "leaks"
    }

    async fn chat(&self, request: &ChatRequest) -> Result<ChatReply> {
        match request.messages.last().unwrap().text() {
            "in the error" => Err(Error::message(format!("refused: {}", self.0))),
            _ => Ok(ChatReply::new(format!("here it is: {}", self.0), Usage::default())),
        }
    }
}

#[tokio::test]
async fn no_secret_is_ever_written() {
    if std::env::var_os("ORCH_TEST_TOKEN").is_none() {
        // The environment's secrets are looked for too, and it can be set only for another process.
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["replay::no_secret_is_ever_written", "--exact"])
            .env("ORCH_TEST_TOKEN", "correct horse battery staple")
            .env_remove("CI")
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let tapes = folder.path().join("tapes");
    let mut secrets = secrets();
    secrets.push("correct horse battery staple".to_owned());
    assert!(secrets.len() >= 51);
    for (number, secret) in secrets.iter().enumerate() {
        let leaks = cassette(&tapes).replay(Leaks(secret.clone()));
        for (text, place) in [
            (format!("please use {secret} for it"), "request (messages[1].text)"),
            (format!("in the reply {number}"), "reply (text)"),
            ("in the error".to_owned(), "error"),
        ] {
            let error = leaks.chat(&ask(&text)).await.expect_err(secret);
            assert!(!error.to_string().contains(secret.as_str()), "{error}");
            match miss(&error) {
                CassetteError::Secret { place: found, .. } => assert_eq!(found, place, "{secret}"),
                other => panic!("{secret}: {other}"),
            }
        }
        let tool = cassette(&tapes);
        let told = tool.call::<_, String>("fetch", &number, async { Ok(secret.clone()) }).await;
        assert!(matches!(miss(&told.unwrap_err()), CassetteError::Secret { .. }));
        // A router that fails with it, asked about a case that holds it.
        let data = folder.path().join("data.jsonl");
        let row = serde_json::json!({ "id": "a", "input": secret, "label": "billing", "pin": true });
        std::fs::write(&data, format!("{row}\n")).unwrap();
        let secret = secret.clone();
        let report = Suite::new("desk")
            .folder(folder.path().join("evals"))
            .runs(folder.path().join("runs").join(number.to_string()))
            .data(&data)
            .router(move || LlmRouter::<_, Intent>::new(Fails(secret.clone())))
            .run()
            .unwrap();
        assert_eq!(report.metrics.errors, 1);
        // A workflow that answers with it, blessed.
        let told = report.cases[0].input.clone();
        let answers = Suite::new("answers")
            .folder(folder.path().join("evals"))
            .runs(folder.path().join("answers").join(number.to_string()))
            .data(&data)
            .answers(orch_eval::Scorer::Exact, async move |_| orch_core::Ok(told.clone()))
            .run()
            .unwrap();
        assert!(answers.outcomes[0].got.as_deref().unwrap().contains("[secret: "));
        std::fs::remove_file(&data).unwrap();
    }
    let files = written(folder.path());
    assert!(files.len() > 51 * 5);
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for secret in &secrets {
            let written = serde_json::to_string(secret).unwrap();
            let inside = written.trim_matches('"');
            assert!(
                !text.contains(secret.as_str()) && !text.contains(inside),
                "{}: {secret}",
                file.display()
            );
        }
    }
}

/// Fails with a secret in its words, whatever it is asked.
struct Fails(String);

impl ChatModel for Fails {
    fn name(&self) -> &'static str {
        "fails"
    }

    async fn chat(&self, _: &ChatRequest) -> Result<ChatReply> {
        Err(Error::message(format!("401 for the key {}", self.0)))
    }
}

/// Records numbers until it is killed.
#[test]
#[ignore = "a child process of other tests"]
fn child() {
    let Some(folder) = std::env::var_os("ORCH_TEST_FOLDER") else { return };
    let (from, count): (u32, u32) = (number("ORCH_TEST_FROM"), number("ORCH_TEST_COUNT"));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let cassette = cassette(Path::new(&folder));
        for n in from..from + count {
            let _: u32 = cassette.call("double", &n, async { Ok(2 * n) }).await.unwrap();
            println!("{n}");
        }
    });
}

fn number(name: &str) -> u32 {
    std::env::var(name).unwrap().parse().unwrap()
}

fn record(folder: &Path, from: u32, count: u32) -> std::process::Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["replay::child", "--exact", "--ignored", "--nocapture"])
        .env("ORCH_TEST_FOLDER", folder)
        .env("ORCH_TEST_FROM", from.to_string())
        .env("ORCH_TEST_COUNT", count.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn what_was_recorded_survives_fifty_kills() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = fastrand::Rng::with_seed(9);
    for round in 0..50 {
        let mut child = record(folder.path(), round * 10_000, 10_000);
        std::thread::sleep(Duration::from_millis(random.u64(5..40)));
        child.kill().unwrap();
        let output = child.wait_with_output().unwrap();
        all_there(folder.path(), round * 10_000, &String::from_utf8_lossy(&output.stdout));
    }
}

#[test]
fn two_processes_record_into_one_cassette() {
    let folder = tempfile::tempdir().unwrap();
    let both = [record(folder.path(), 0, 400), record(folder.path(), 200, 400)];
    for child in both {
        assert!(child.wait_with_output().unwrap().status.success());
    }
    let mut seen = 0;
    for file in written(folder.path()).into_iter().filter(|file| file.extension().is_some()) {
        let text = std::fs::read_to_string(&file).unwrap();
        let keys: Vec<&str> = text.lines().map(|line| &line[..45]).collect();
        assert!(keys.is_sorted(), "{} is in order", file.display());
        seen += keys.len();
    }
    assert_eq!(seen, 600, "each number once");
}

#[tokio::test]
async fn a_large_file_is_packed_and_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let recording = cassette(folder.path());
    for n in 0..40_u32 {
        let text = format!("{n} ").repeat(60_000);
        let _: String = recording.call("large", &(n % 2, n), async { Ok(text) }).await.unwrap();
    }
    drop(recording);
    let packed =
        written(folder.path()).iter().filter(|file| file.extension().is_some_and(|end| end == "gz")).count();
    let small = written(folder.path()).iter().map(|file| std::fs::metadata(file).unwrap().len()).sum::<u64>();
    assert!(packed == 0 || small < 4_000_000);
    // Shards of one exchange each are small; one key gets them all.
    let one = tempfile::tempdir().unwrap();
    let recording = cassette(one.path());
    for n in 0..20_u32 {
        let text = format!("{n} ").repeat(60_000);
        let _: String = recording.call("large", &"the same", async { Ok(text) }).await.unwrap();
    }
    drop(recording);
    let files = written(one.path());
    assert!(files.len() == 1 && files[0].extension().is_some_and(|end| end == "gz"), "{files:?}");
    let replaying = Cassette::open(one.path()).unwrap();
    for n in 0..20_u32 {
        let text: String = replaying.call("large", &"the same", async { unreachable!() }).await.unwrap();
        assert!(text.starts_with(&format!("{n} {n} ")));
    }
}

#[tokio::test]
async fn damage_is_named_and_a_full_disk_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let recording = cassette(folder.path());
    let _: u32 = recording.call("double", &1, async { Ok(2) }).await.unwrap();
    drop(recording);
    let shard = written(folder.path()).remove(0);
    let good = std::fs::read_to_string(&shard).unwrap();
    std::fs::write(&shard, format!("{good}{{\"key\": nonsense}}\n{good}")).unwrap();
    let error = Cassette::open(folder.path()).unwrap_err().to_string();
    assert!(error.contains(".jsonl:2: is no recording"), "{error}");
    // An unfinished line is what a killed process leaves.
    std::fs::write(&shard, format!("{good}{{\"key\": \"ab")).unwrap();
    let recording = cassette(folder.path());
    let again: u32 = recording.call("double", &1, async { unreachable!() }).await.unwrap();
    assert_eq!(again, 2);
    let _: u32 = recording.call("double", &1, async { Ok(3) }).await.unwrap();
    drop(recording);
    assert_eq!(std::fs::read_to_string(&shard).unwrap().lines().count(), 2);
    // What is no file, such as an endless device, is not read.
    let other = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/dev/zero", other.path().join("ab.jsonl")).unwrap();
    let error = Cassette::open(other.path()).unwrap_err().to_string();
    assert!(error.contains("ab.jsonl: is no file"), "{error}");
}

/// A limit on the size of files is what a full disk is to the one who writes.
#[test]
fn a_full_disk_is_a_typed_error_and_loses_no_recording() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new("bash")
        .args(["-c", "trap '' XFSZ; ulimit -f 1; exec \"$0\" replay::child --exact --ignored --nocapture"])
        .arg(std::env::current_exe().unwrap())
        .env("ORCH_TEST_FOLDER", folder.path())
        .envs([("ORCH_TEST_FROM", "0"), ("ORCH_TEST_COUNT", "10000")])
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(error.contains("CassetteError") || error.contains("cannot be written"), "{error}");
    all_there(folder.path(), 0, &String::from_utf8_lossy(&output.stdout));
}

/// What a process said it had recorded, from a number on, is there.
fn all_there(folder: &Path, from: u32, said: &str) {
    let whole = &said[..said.rfind('\n').map_or(0, |end| end + 1)];
    let last = whole.lines().filter_map(|line| line.parse::<u32>().ok()).next_back();
    let replaying = Cassette::open(folder).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for n in from..last.map_or(from, |last| last + 1) {
        let doubled = replaying.call::<_, u32>("double", &n, async { unreachable!("{n} is lost") });
        assert_eq!(runtime.block_on(doubled).unwrap(), 2 * n);
    }
}

#[test]
fn recording_is_refused_where_nobody_decides() {
    for (mode, words) in [("all", "refused under CI"), ("sometimes", "write `none`, `missing` or `all`")] {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["replay::open", "--exact", "--ignored"])
            .envs([("CI", "true"), ("ORCH_RECORD", mode)])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(!output.status.success() && said.contains(words), "{said}");
    }
}

#[test]
#[ignore = "a child process of another test"]
fn open() {
    let folder = tempfile::tempdir().unwrap();
    let opened = Cassette::open(folder.path());
    assert!(opened.is_ok(), "{}", opened.unwrap_err());
}

/// A call that is given up, as a time limit does, takes no number of its own: the retry is what is replayed first.
#[tokio::test]
async fn what_was_given_up_does_not_shift_what_is_replayed() {
    let folder = tempfile::tempdir().unwrap();
    let recording = cassette(folder.path());
    let slow = recording.call::<_, u32>("tool", &1, std::future::pending());
    assert!(tokio::time::timeout(Duration::from_millis(5), slow).await.is_err());
    let _: u32 = recording.call("tool", &1, async { Ok(7) }).await.unwrap();
    drop(recording);
    let replaying = Cassette::open(folder.path()).unwrap();
    let first: u32 = replaying.call("tool", &1, async { unreachable!() }).await.unwrap();
    assert_eq!(first, 7);
    assert!(!folder.path().join(".lock").exists());
}

#[tokio::test]
async fn a_miss_shows_no_piece_of_a_secret() {
    let folder = tempfile::tempdir().unwrap();
    let recording = cassette(folder.path());
    let _: u32 = recording.call("tool", &"the key is none", async { Ok(7) }).await.unwrap();
    drop(recording);
    let strict = Cassette::open(folder.path()).unwrap();
    let secret = format!("sk-{}", "a1b2".repeat(30));
    let asked = format!("the key is none, or perhaps it is {secret}");
    let error =
        strict.call::<_, u32>("tool", &asked, async { unreachable!() }).await.unwrap_err().to_string();
    assert!(!error.contains("a1b2a1b2") && error.contains("[secret: "), "{error}");
}

/// A large file is packed; what is recorded anew after that must win over what is in it.
#[tokio::test]
async fn what_is_recorded_again_replaces_what_is_packed() {
    let folder = tempfile::tempdir().unwrap();
    let record = async |mode: Mode, answer: &str| {
        let recording = Cassette::record(folder.path(), mode).unwrap();
        for _ in 0..20 {
            let text = answer.repeat(60_000);
            let _: String = recording.call("large", &"the same", async { Ok(text) }).await.unwrap();
        }
    };
    record(Mode::Missing, "old").await;
    record(Mode::All, "new").await;
    let files = written(folder.path());
    assert!(files.len() == 1 && files[0].extension().is_some_and(|end| end == "gz"), "{files:?}");
    let replaying = Cassette::open(folder.path()).unwrap();
    for _ in 0..20 {
        let text: String = replaying.call("large", &"the same", async { unreachable!() }).await.unwrap();
        assert!(text.starts_with("new"));
    }
}

#[tokio::test]
async fn streams_replay_piece_by_piece_with_their_errors() {
    use futures_util::{StreamExt as _, stream};

    let folder = tempfile::tempdir().unwrap();
    let pieces = || {
        let limit = Error::message("cut off").try_again_after(Duration::from_millis(7));
        stream::iter([Ok("The".to_owned()), Ok(" end".to_owned()), Err(limit)])
    };
    let said = |found: &[Result<String>]| -> Vec<String> {
        found.iter().map(|piece| piece.as_ref().map_or_else(ToString::to_string, Clone::clone)).collect()
    };
    let recording = cassette(folder.path());
    // One that is given up halfway is not kept and takes no number.
    assert_eq!(recording.stream("model", &1, pieces()).take(1).count().await, 1);
    let live: Vec<Result<String>> = recording.stream("model", &1, pieces()).collect().await;
    let secret = ["here: sk-", &"a1".repeat(20), " ok"].map(|piece| orch_core::Ok(piece.to_owned()));
    let told: Vec<Result<String>> = recording.stream("model", &2, stream::iter(secret)).collect().await;
    let refused = told.last().unwrap().as_ref().unwrap_err();
    assert!(matches!(miss(refused), CassetteError::Secret { .. }), "a secret in pieces is one: {refused}");
    drop(recording);
    let strict = Cassette::open(folder.path()).unwrap();
    let nobody = || stream::pending::<Result<String>>();
    let again: Vec<Result<String>> = strict.stream("model", &1, nobody()).collect().await;
    assert_eq!(said(&again), said(&live));
    assert_eq!(again[2].as_ref().unwrap_err().retry_after(), Some(Duration::from_millis(7)));
    let missed: Vec<Result<String>> = strict.stream("model", &2, nobody()).collect().await;
    assert!(missed.len() == 1 && missed[0].is_err());
}
