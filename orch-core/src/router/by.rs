//! Plain code as a router.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;

use crate::error::Result;
use crate::router::{Classifier, Decision, Label};

/// A classifier that is a function: for what code knows better than any model.
///
/// Its confidence is 1 where it decides.
///
/// ```
/// use orch_core::router::{By, Classifier};
///
/// let by_length = By::new("length", |input: &str| (input.len() > 1_000).then(|| "long".to_owned()));
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// assert_eq!(by_length.classify("hello").await?, None);
/// # orch_core::Ok(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct By<F, R> {
    name: &'static str,
    function: F,
    route: PhantomData<fn() -> R>,
}

impl<R: Label, F: Fn(&str) -> Option<R> + Send + Sync> By<F, R> {
    /// A classifier called `name` in decisions; where `function` gives nothing, it abstains.
    pub fn new(name: &'static str, function: F) -> Self {
        Self { name, function, route: PhantomData }
    }
}

impl<R: Label, F: Fn(&str) -> Option<R> + Send + Sync> Classifier for By<F, R> {
    type Route = R;

    fn classify(&self, input: &str) -> impl Future<Output = Result<Option<Decision<R>>>> + Send {
        let route = (self.function)(input);
        std::future::ready(Ok(route.map(|route| Decision::new(route, 1.0, self.name))))
    }
}

impl<F, R> fmt::Debug for By<F, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("By").field("name", &self.name).finish_non_exhaustive()
    }
}
