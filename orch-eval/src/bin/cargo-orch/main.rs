//! `cargo orch`: evaluate suites, fit and score routers, look at data and plans.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use orch_eval::{EncoderPlace, FitOptions, RouterKind};

mod eval;
mod improve;
mod new;
mod plan;
mod plan_diff;
mod routers;
mod runs;
#[cfg(feature = "serve")]
mod serve;

/// Cargo hands a subcommand its own name as the first argument.
#[derive(Parser)]
#[command(name = "cargo", bin_name = "cargo", version, disable_help_subcommand = true)]
enum Cargo {
    /// Evaluate routers on labelled data.
    Orch {
        #[command(subcommand)]
        command: Command,
    },
}

#[derive(Subcommand)]
enum Command {
    /// Run the evaluation suites of this workspace.
    #[command(
        after_help = "Exit codes: 0 pass, 1 a gate failed, 2 usage or data error, 3 a pinned case broke, 4 no verdict, 5 inconclusive (with --strict)"
    )]
    Eval {
        /// The suite to run; all of them without it.
        suite: Option<String>,
        /// Only the suites of this package.
        #[arg(short, long)]
        package: Option<String>,
        /// Inconclusive fails.
        #[arg(long)]
        strict: bool,
        /// One JSON document on standard output.
        #[arg(long)]
        json: bool,
    },
    /// Run the suites and make what they find the baseline. Refused under CI.
    Bless {
        /// The suite; all of them without it.
        suite: Option<String>,
        /// Only the suites of this package.
        #[arg(short, long)]
        package: Option<String>,
        /// One JSON document on standard output.
        #[arg(long)]
        json: bool,
    },
    /// Say what changed from one run to another.
    Diff {
        /// The folder or the log of a run, `target/orch/SUITE/0001` say.
        before: PathBuf,
        /// That of a later one.
        after: PathBuf,
        /// One JSON document on standard output.
        #[arg(long)]
        json: bool,
    },
    /// Say where the latest report of each suite is.
    Report {
        /// The suite; all of them without it.
        suite: Option<String>,
        /// The reports as one JSON document on standard output.
        #[arg(long)]
        json: bool,
    },
    /// Make a project that builds, tests and passes its own evaluation.
    New {
        /// Its folder, which must not exist; the last part is its name.
        folder: PathBuf,
        /// The repository it has orch from, instead of the sources this command was built from.
        #[arg(long, value_name = "URL")]
        git: Option<String>,
    },
    /// Try every confidence below which a router could abstain.
    Sweep {
        #[command(flatten)]
        measured: Measured,
        /// The share of wrong answers to stay below, from 0 to 1.
        #[arg(long, value_name = "SHARE", default_value = "0.05", value_parser = share)]
        risk: f64,
    },
    /// Find the fewest words of each misrouted case that are still misrouted, and what they have in common.
    Shrink(Measured),
    /// Leave out each rule of a keyword router, or each example of a semantic one, and say what it earns.
    Mutate(Measured),
    /// Fit a router from labelled data.
    Fit {
        /// The data: JSON lines, CSV or Rasa's YAML. Its train and val rows are used, or all where it is not split.
        train: PathBuf,
        /// The file to write.
        #[arg(short, long)]
        output: PathBuf,
        /// Which router to fit.
        #[arg(long, value_enum, default_value = "learned")]
        router: RouterKind,
        /// An embedding model: a folder with `model.onnx` or `model.safetensors`, and `tokenizer.json`; or `URL#MODEL`,
        /// for a server that speaks OpenAI's protocol (a key, if it wants one, in `ORCH_API_KEY`). `cascade` and `auto`
        /// take several, such as a quick one and an accurate one.
        #[arg(long, value_name = "FOLDER|URL#MODEL")]
        encoder: Vec<EncoderPlace>,
        /// A file that keeps embeddings, so that no text is embedded twice.
        #[arg(long, value_name = "FILE", requires = "encoder")]
        embeddings: Option<PathBuf>,
        /// The longest mean time of a decision, in microseconds, for `auto` and `cascade`.
        #[arg(long, value_name = "MICROSECONDS", value_parser = microseconds)]
        max_latency: Option<f64>,
        /// The confidence below which it abstains, from 0 to 1, instead of the fitted one.
        #[arg(long, value_name = "CONFIDENCE", value_parser = confidence)]
        abstain_at: Option<f64>,
        /// A learned router to correct: the rows are those it got wrong. Its other answers stay as they can.
        #[arg(long, value_name = "ROUTER", conflicts_with_all = ["router", "encoder", "max_latency", "abstain_at"])]
        from: Option<PathBuf>,
        /// One JSON document on standard output.
        #[arg(long)]
        json: bool,
    },
    /// Say which words decide a text's route.
    Explain {
        /// The router's file.
        router: PathBuf,
        /// The text.
        text: String,
        /// Where the router's embedding model is now, if it has moved; of several, each in its turn.
        #[arg(long, value_name = "FOLDER|URL#MODEL")]
        encoder: Vec<EncoderPlace>,
        /// One JSON document on standard output.
        #[arg(long)]
        json: bool,
    },
    /// Score a router on labelled data.
    Score {
        /// The router's file.
        router: PathBuf,
        /// The data: JSON lines, CSV or Rasa's YAML. Its test rows are used, or all where it is not split.
        test: PathBuf,
        /// Also with slips of the keyboard, courtesy, capitals and so on.
        #[arg(long)]
        robustness: bool,
        /// Where the router's embedding model is now, if it has moved; of several, each in its turn.
        #[arg(long, value_name = "FOLDER|URL#MODEL")]
        encoder: Vec<EncoderPlace>,
        /// One JSON document on standard output.
        #[arg(long)]
        json: bool,
    },
    /// Answer over HTTP which route an input takes, for programs in other languages.
    #[cfg(feature = "serve")]
    #[command(
        after_help = "POST /route {\"input\": \"..\"}, with \"before\": [..] and \"weight\" for a message in its conversation; POST /several {\"input\": \"..\"}; POST /batch {\"inputs\": [..]} with at most 1,000; GET /health; GET /metrics.\nA body has 16 MiB at most, a request takes 30 s at most, and 64 are worked on at a time."
    )]
    Serve {
        /// The router's file.
        router: PathBuf,
        /// The address to listen on; port 0 takes a free one.
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
        listen: std::net::SocketAddr,
        /// Where the router's embedding model is now, if it has moved; of several, each in its turn.
        #[arg(long, value_name = "FOLDER|URL#MODEL")]
        encoder: Vec<EncoderPlace>,
    },
    /// Look for what is wrong with labelled data.
    Lint {
        /// The data: JSON lines, CSV or Rasa's YAML.
        file: PathBuf,
        /// One JSON document on standard output.
        #[arg(long)]
        json: bool,
    },
    /// Say what routing between a cheap and a capable model gains, by cross-validation over graded answers.
    Cost {
        /// JSON lines: `input`, `quality` with `cheap` and `capable` from 0 to 1; `tags`, `domain` and `bench` if there
        /// are any.
        file: PathBuf,
        /// Also learn from all of them, and write what a program reads with `Difficulty::from_bytes`.
        #[arg(short, long)]
        output: Option<PathBuf>,
        /// One JSON document on standard output.
        #[arg(long)]
        json: bool,
    },
    /// Draw the workflows of this workspace.
    Plan {
        /// Only the workflows of this package.
        #[arg(short, long)]
        package: Option<String>,
        /// Also write each as an SVG into this folder.
        #[arg(long, value_name = "FOLDER")]
        svg: Option<PathBuf>,
        /// Show what changed since this file, which `--json` wrote; the exit code is 1 if anything did.
        #[arg(long, value_name = "FILE", conflicts_with = "json")]
        diff: Option<PathBuf>,
        /// One JSON document on standard output.
        #[arg(long)]
        json: bool,
    },
}

/// A router and the data it is looked at on.
#[derive(clap::Args)]
struct Measured {
    /// The router's file.
    router: PathBuf,
    /// The data. Its test rows are used, or all where it is not split.
    data: PathBuf,
    /// Where the router's embedding model is now, if it has moved; of several, each in its turn.
    #[arg(long, value_name = "FOLDER|URL#MODEL")]
    encoder: Vec<EncoderPlace>,
    /// One JSON document on standard output.
    #[arg(long)]
    json: bool,
}

/// A time above 0.
fn microseconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(time) if time > 0.0 => Ok(time),
        _ => Err("a time is a number of microseconds above 0".to_owned()),
    }
}

fn confidence(text: &str) -> Result<f64, String> {
    from_0_to_1(text).ok_or_else(|| "a confidence is a number from 0 to 1".to_owned())
}

fn share(text: &str) -> Result<f64, String> {
    from_0_to_1(text).ok_or_else(|| "a share is a number from 0 to 1".to_owned())
}

fn from_0_to_1(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number| (0.0..=1.0).contains(number))
}

/// Why a command failed, and the exit code for it.
struct Failure {
    message: String,
    code: u8,
}

#[allow(clippy::needless_pass_by_value, reason = "made for `map_err`")]
impl Failure {
    /// The user's command line or data is at fault.
    fn usage(error: impl ToString) -> Self {
        Self { message: error.to_string(), code: 2 }
    }

    /// Something else stood in the way.
    fn blocked(error: impl ToString) -> Self {
        Self { message: error.to_string(), code: 4 }
    }
}

/// Where a router is asked: an encoder may be at a server.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::blocked)
}

fn main() -> ExitCode {
    // `cargo-orch fit ..` is the same as `cargo orch fit ..`.
    let mut arguments: Vec<std::ffi::OsString> = std::env::args_os().collect();
    if arguments.get(1).is_none_or(|first| first != "orch") {
        arguments.insert(1, "orch".into());
    }
    let Cargo::Orch { command } = Cargo::parse_from(arguments);
    let done = match command {
        Command::Eval { suite, package, strict, json } => {
            eval::run(suite.as_deref(), package.as_deref(), &eval::How { strict, json, bless: false })
        }
        Command::Bless { suite, package, json } => {
            eval::run(suite.as_deref(), package.as_deref(), &eval::How { strict: false, json, bless: true })
        }
        Command::Diff { before, after, json } => runs::diff(&before, &after, json),
        Command::Report { suite, json } => runs::report(suite.as_deref(), json),
        Command::New { folder, git } => new::run(&folder, git.as_deref()),
        Command::Sweep { measured, risk } => improve::sweep(&measured, risk),
        Command::Shrink(measured) => improve::shrink(&measured),
        Command::Mutate(measured) => improve::mutate(&measured),
        Command::Fit { train, output, from: Some(from), json, .. } => {
            routers::correct(&from, &train, &output, json)
        }
        Command::Explain { router, text, encoder, json } => routers::explain(&router, &text, &encoder, json),
        Command::Fit {
            train, output, router, encoder, embeddings, max_latency, abstain_at, json, ..
        } => {
            let options =
                FitOptions { router, encoders: encoder, embeddings, max_latency_us: max_latency, abstain_at };
            routers::fit(&train, &output, &options, json)
        }
        Command::Score { router, test, robustness, encoder, json } => {
            routers::score(&router, &test, &encoder, robustness, json)
        }
        #[cfg(feature = "serve")]
        Command::Serve { router, listen, encoder } => serve::run(&router, listen, &encoder),
        Command::Cost { file, output, json } => routers::cost(&file, output.as_deref(), json),
        Command::Lint { file, json } => routers::lint(&file, json),
        Command::Plan { package, svg, diff, json } => {
            plan::run(package.as_deref(), svg.as_deref(), diff.as_deref(), json)
        }
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(Failure { message, code }) => {
            // What comes from cargo says so already.
            say(&format!("error: {}", message.trim_start_matches("error: ")));
            ExitCode::from(code)
        }
    }
}

/// Writes a line to standard error.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Writes to standard output; a closed pipe is no reason to fail.
fn show(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// Writes one JSON document to standard output.
fn show_json(document: &impl serde::Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(document).map_err(Failure::blocked)?;
    show(&format!("{text}\n"));
    Ok(())
}
