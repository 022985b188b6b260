//! tower: services chained statically.
//!
//! There is no natural form for a fan-out or a join: a service answers one request, and `call_all` sends many
//! requests to one service. So fan-out-8, document and hierarchy are left out.

use std::future::{Future, Ready, ready};
use std::hint::black_box;
use std::time::Duration;

use futures_util::stream::{self, TryStreamExt as _};
use tower::retry::Policy;
use tower::steer::Steer;
use tower::util::BoxService;
use tower::{Service, ServiceBuilder, ServiceExt as _, service_fn};

use crate::steps::{Error, Result, a, b, c, d, e, f, g, h, i, j};
use crate::{Build, Run, finish};

/// Everything this peer can do.
pub const SCENARIOS: &[(&str, Build)] = &[
    ("chain-10", || Ok(chain_10())),
    ("route-8", || Ok(route_8())),
    ("map-1000-at-16", || Ok(map_1000())),
    ("guarded-10", || Ok(guarded_10())),
];

/// Sends one request to a service and polls the answer.
fn send<R>(service: &mut impl Service<R, Response = u64, Error = Error>, request: R) -> u64 {
    finish(async { service.ready().await?.call(request).await })
}

fn chain_10() -> Box<dyn Run> {
    let mut chain = service_fn(a)
        .and_then(b)
        .and_then(c)
        .and_then(d)
        .and_then(e)
        .and_then(f)
        .and_then(g)
        .and_then(h)
        .and_then(i)
        .and_then(j);
    Box::new(move || send(&mut chain, black_box(1)))
}

/// `Steer` wants services of one type, so each way is boxed.
fn route_8() -> Box<dyn Run> {
    let ways: [BoxService<u64, u64, Error>; 8] = [
        BoxService::new(service_fn(a)),
        BoxService::new(service_fn(b)),
        BoxService::new(service_fn(c)),
        BoxService::new(service_fn(d)),
        BoxService::new(service_fn(e)),
        BoxService::new(service_fn(f)),
        BoxService::new(service_fn(g)),
        BoxService::new(service_fn(h)),
    ];
    let mut route = Steer::new(ways, |request: &u64, _: &[_]| usize::try_from(*request - 1).unwrap_or(7));
    Box::new(move || send(&mut route, black_box(5)))
}

fn map_1000() -> Box<dyn Run> {
    let service = ServiceBuilder::new().concurrency_limit(16).service_fn(a);
    Box::new(move || {
        let n = black_box(1);
        let service = service.clone();
        finish(async move {
            let requests = stream::iter((0..1_000_u64).map(|item| n + item));
            let all: Vec<u64> = service.call_all(requests).try_collect().await?;
            Ok::<u64, Error>(all.iter().sum())
        })
    })
}

/// Three attempts.
#[derive(Clone, Debug)]
struct Attempts(u32);

impl Policy<u64, u64, Error> for Attempts {
    type Future = Ready<()>;

    fn retry(&mut self, _: &mut u64, result: &mut Result<u64>) -> Option<Self::Future> {
        if result.is_ok() || self.0 == 1 {
            return None;
        }
        self.0 -= 1;
        Some(ready(()))
    }

    fn clone_request(&mut self, request: &u64) -> Option<u64> {
        Some(*request)
    }
}

/// A step with retry and timeout.
fn guarded<F, A>(step: F) -> impl Service<u64, Response = u64, Error = Error, Future: Send> + Clone
where
    F: Fn(u64) -> A + Clone + Send,
    A: Future<Output = Result<u64>> + Send,
{
    ServiceBuilder::new().retry(Attempts(3)).timeout(Duration::from_secs(10)).service_fn(step)
}

/// The services are awaited one after another: chained with `and_then` they cost about twice as much.
fn guarded_10() -> Box<dyn Run> {
    macro_rules! in_turn {
        ($($step:ident),*) => {{
            $(let mut $step = guarded($step);)*
            Box::new(move || {
                finish(async {
                    let n = black_box(1);
                    $(let n = $step.ready().await?.call(n).await?;)*
                    Ok::<u64, Error>(n)
                })
            })
        }};
    }
    in_turn!(a, b, c, d, e, f, g, h, i, j)
}
