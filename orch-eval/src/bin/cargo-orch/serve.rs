//! `serve`: a router over HTTP.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use orch_core::router::{Decision, messages_that_count};
use orch_eval::{EncoderPlace, FittedRouter};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::Semaphore;

use crate::{Failure, say};

/// The largest body that is read, in bytes.
const MAX_BODY: usize = 16 << 20;
/// The most inputs of a batch.
const MAX_BATCH: usize = 1_000;
/// Inputs of a batch that are decided before others get their turn.
const TOGETHER: usize = 32;
/// Requests that are worked on at the same time, at most; others are told to come back.
const MAX_AT_ONCE: usize = 64;
/// The longest a request may take.
const MAX_TIME: Duration = Duration::from_secs(30);
/// How long open requests may go on after the signal to stop.
const PATIENCE: Duration = Duration::from_secs(5);
/// Upper ends of the histogram's buckets, in seconds.
const BUCKETS: [f64; 9] = [0.000_01, 0.000_1, 0.001, 0.005, 0.01, 0.05, 0.1, 1.0, 10.0];

struct Service {
    router: FittedRouter,
    /// Where requests are worked on.
    places: Semaphore,
    /// Decisions that took a route, that abstained, and that failed.
    routed: AtomicU64,
    abstained: AtomicU64,
    failed: AtomicU64,
    /// Requests that were refused, and that took too long.
    refused: AtomicU64,
    late: AtomicU64,
    /// Decisions by how long they took, the last for those beyond all buckets.
    buckets: [AtomicU64; BUCKETS.len() + 1],
    nanoseconds: AtomicU64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct One {
    input: String,
    /// The messages before it in the conversation, the earliest first.
    #[serde(default)]
    before: Vec<String>,
    /// How much each of them counts beside the next, from 0 to 1.
    #[serde(default = "half")]
    weight: f32,
}

fn half() -> f32 {
    0.5
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Message {
    input: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Many {
    inputs: Vec<String>,
}

#[derive(Default, Serialize)]
struct Answer {
    /// `null` when it abstains.
    route: Option<String>,
    confidence: f64,
    decided_by: &'static str,
    ranking: Vec<(String, f64)>,
    /// The stages that were asked before, and why they did not decide.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    passed: Vec<String>,
}

/// The routes of a message, which may be several or none, and how likely each is against the others.
#[derive(Serialize)]
struct Several {
    routes: Vec<(String, f64)>,
}

/// Why a request got no answer.
struct Refusal(StatusCode, String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "error": self.1 }))).into_response()
    }
}

pub(crate) fn run(router: &Path, listen: SocketAddr, encoders: &[EncoderPlace]) -> Result<u8, Failure> {
    let router = FittedRouter::load(router, encoders).map_err(Failure::usage)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::blocked)?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(listen)
            .await
            .map_err(|error| Failure::usage(format!("{listen} cannot be listened on: {error}")))?;
        let address = listener.local_addr().map_err(Failure::blocked)?;
        say(&format!("listening on http://{address}"));
        let served = axum::serve(listener, app(router)).with_graceful_shutdown(asked_to_stop());
        tokio::select! {
            served = served.into_future() => served.map_err(Failure::blocked),
            // Who keeps a connection open does not keep the process alive.
            () = async {
                asked_to_stop().await;
                tokio::time::sleep(PATIENCE).await;
            } => Ok(()),
        }
    })?;
    runtime.shutdown_background();
    Ok(0)
}

/// Waits for the signal to stop: from the keyboard, or from whoever runs services.
async fn asked_to_stop() {
    let keyboard = async {
        // Without a handler for the signal the process simply ends on it.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! { () = keyboard => (), _ = terminate.recv() => () }
            return;
        }
    }
    keyboard.await;
}

/// Refuses a request beyond those that are worked on, and ends one that takes too long, the reading of its body included.
async fn in_time(State(service): State<Arc<Service>>, request: Request, next: Next) -> Response {
    let Ok(_place) = service.places.try_acquire() else {
        service.refused.fetch_add(1, Ordering::Relaxed);
        let what = format!("{MAX_AT_ONCE} requests are worked on; come back in a second");
        let mut response = Refusal(StatusCode::SERVICE_UNAVAILABLE, what).into_response();
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        return response;
    };
    match tokio::time::timeout(MAX_TIME, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            service.late.fetch_add(1, Ordering::Relaxed);
            let what = format!("took longer than {} s", MAX_TIME.as_secs());
            Refusal(StatusCode::GATEWAY_TIMEOUT, what).into_response()
        }
    }
}

fn app(router: FittedRouter) -> Router {
    let service = Arc::new(Service {
        router,
        places: Semaphore::new(MAX_AT_ONCE),
        late: AtomicU64::new(0),
        routed: AtomicU64::new(0),
        abstained: AtomicU64::new(0),
        failed: AtomicU64::new(0),
        refused: AtomicU64::new(0),
        buckets: Default::default(),
        nanoseconds: AtomicU64::new(0),
    });
    // A server that is busy is healthy all the same, and its metrics say so.
    let watched = Router::new().route("/health", get(health)).route("/metrics", get(metrics));
    Router::new()
        .route("/route", post(one))
        .route("/batch", post(many))
        .route("/several", post(several))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn_with_state(Arc::clone(&service), in_time))
        .merge(watched)
        .with_state(service)
}

impl Service {
    /// Decides inputs that came together: each is counted, with its share of the time.
    async fn decide(&self, inputs: &[&str]) -> Result<Vec<Answer>, Refusal> {
        let started = Instant::now();
        let ranked = self.router.rank_all(inputs).await;
        let ranked = ranked.map_err(|error| self.failure(&error, inputs.len()))?;
        let took = started.elapsed() / u32::try_from(inputs.len().max(1)).unwrap_or(u32::MAX);
        Ok(ranked.into_iter().map(|decision| self.answer(decision, took)).collect())
    }

    /// That so many decisions failed.
    fn failure(&self, error: &orch_core::Error, decisions: usize) -> Refusal {
        self.failed.fetch_add(decisions as u64, Ordering::Relaxed);
        Refusal(StatusCode::BAD_GATEWAY, error.to_string())
    }

    /// Counts a decision, and what it took.
    fn count(&self, routed: bool, took: Duration) {
        let bucket = BUCKETS.iter().position(|end| took.as_secs_f64() <= *end).unwrap_or(BUCKETS.len());
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.nanoseconds.fetch_add(took.as_nanos() as u64, Ordering::Relaxed);
        if routed { &self.routed } else { &self.abstained }.fetch_add(1, Ordering::Relaxed);
    }

    /// A request that this router has no answer to.
    fn refusal(&self, status: StatusCode, what: String) -> Refusal {
        self.refused.fetch_add(1, Ordering::Relaxed);
        Refusal(status, what)
    }

    fn answer(&self, decision: Option<Decision<Arc<str>>>, took: Duration) -> Answer {
        let least = self.router.abstains_below();
        let sure = decision.as_ref().is_some_and(|decision| decision.confidence >= least);
        self.count(sure, took);
        let Some(decision) = decision else {
            return Answer { decided_by: "abstained", ..Answer::default() };
        };
        let ranking = decision.ranking.iter();
        Answer {
            route: sure.then(|| decision.route.to_string()),
            confidence: decision.confidence,
            decided_by: decision.decided_by,
            ranking: ranking.map(|ranked| (ranked.route.to_string(), ranked.confidence)).collect(),
            passed: decision.passed.iter().map(ToString::to_string).collect(),
        }
    }

    /// A body that is what it should be, or why not.
    fn body<T>(&self, body: Result<Json<T>, JsonRejection>) -> Result<T, Refusal> {
        body.map(|Json(body)| body)
            .map_err(|rejection| self.refusal(rejection.status(), rejection.body_text()))
    }
}

async fn one(
    State(service): State<Arc<Service>>,
    body: Result<Json<One>, JsonRejection>,
) -> Result<Json<Answer>, Refusal> {
    let One { input, before, weight } = service.body(body)?;
    let messages: Vec<&str> = before.iter().chain([&input]).map(String::as_str).collect();
    if let Err(error) = messages_that_count(&messages, weight) {
        return Err(service.refusal(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()));
    }
    if before.is_empty() {
        let mut answers = service.decide(&[&input]).await?;
        return Ok(Json(answers.pop().unwrap_or_default()));
    }
    if !service.router.reads_context() {
        let what = "a router without an encoder reads one message alone; leave out `before`, or fit with `--encoder`";
        return Err(service.refusal(StatusCode::NOT_IMPLEMENTED, what.to_owned()));
    }
    let started = Instant::now();
    let decision = service.router.rank_in_context(&messages, weight).await;
    let decision = decision.map_err(|error| service.failure(&error, 1))?;
    Ok(Json(service.answer(decision, started.elapsed())))
}

async fn several(
    State(service): State<Arc<Service>>,
    body: Result<Json<Message>, JsonRejection>,
) -> Result<Json<Several>, Refusal> {
    let Message { input } = service.body(body)?;
    let started = Instant::now();
    let found = service.router.several(&input).await.map_err(|error| service.failure(&error, 1))?;
    let Some(found) = found else {
        let what = "only a router by likeness tells several routes; fit one with `--router semantic`";
        return Err(service.refusal(StatusCode::NOT_IMPLEMENTED, what.to_owned()));
    };
    service.count(!found.is_empty(), started.elapsed());
    let routes = found.iter().map(|ranked| (ranked.route.to_string(), ranked.confidence)).collect();
    Ok(Json(Several { routes }))
}

async fn many(
    State(service): State<Arc<Service>>,
    body: Result<Json<Many>, JsonRejection>,
) -> Result<Json<Vec<Answer>>, Refusal> {
    let Many { inputs } = service.body(body)?;
    if inputs.len() > MAX_BATCH {
        let what = format!("a batch has at most {MAX_BATCH} inputs, and this one {}", inputs.len());
        return Err(service.refusal(StatusCode::PAYLOAD_TOO_LARGE, what));
    }
    let mut answers = Vec::with_capacity(inputs.len());
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    for some in inputs.chunks(TOGETHER) {
        answers.extend(service.decide(some).await?);
        // A batch must not keep single requests waiting.
        tokio::task::yield_now().await;
    }
    Ok(Json(answers))
}

async fn health(State(service): State<Arc<Service>>) -> impl IntoResponse {
    let stages: Vec<&str> = service.router.stages().into_iter().map(|(kind, _)| kind).collect();
    Json(json!({ "status": "ok", "routes": service.router.routes().len(), "stages": stages }))
}

/// In the text format of Prometheus.
async fn metrics(State(service): State<Arc<Service>>) -> impl IntoResponse {
    let mut text = String::from("# TYPE orch_decisions_total counter\n");
    for (outcome, count) in
        [("routed", &service.routed), ("abstained", &service.abstained), ("failed", &service.failed)]
    {
        let _ =
            writeln!(text, "orch_decisions_total{{outcome=\"{outcome}\"}} {}", count.load(Ordering::Relaxed));
    }
    for (name, count) in [("refused", &service.refused), ("late", &service.late)] {
        let count = count.load(Ordering::Relaxed);
        let _ =
            writeln!(text, "# TYPE orch_requests_{name}_total counter\norch_requests_{name}_total {count}");
    }
    text.push_str("# TYPE orch_decision_seconds histogram\n");
    let mut sum = 0;
    for (count, end) in
        service.buckets.iter().zip(BUCKETS.iter().map(ToString::to_string).chain(["+Inf".to_owned()]))
    {
        sum += count.load(Ordering::Relaxed);
        let _ = writeln!(text, "orch_decision_seconds_bucket{{le=\"{end}\"}} {sum}");
    }
    let seconds = service.nanoseconds.load(Ordering::Relaxed) as f64 / 1e9;
    let _ = writeln!(text, "orch_decision_seconds_sum {seconds}\norch_decision_seconds_count {sum}");
    ([("content-type", "text/plain; version=0.0.4")], text)
}
