//! Texts that must be values.

use std::fmt;
use std::marker::PhantomData;

use serde::de::DeserializeOwned;

use super::{Checked, Guard};
use crate::error::Result;
use crate::structured::extract;

/// Refuses a text that has no value of a type.
///
/// ```
/// use orch_core::guard::{Guard, Schema};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let guard = Schema::<Vec<u32>>::new();
/// assert!(guard.enforce("[1, 2]".to_owned()).await.is_ok());
/// assert!(guard.enforce("[\"one\"]".to_owned()).await.is_err());
/// # orch_core::Ok(()) }).unwrap();
/// ```
pub struct Schema<T>(PhantomData<fn() -> T>);

impl<T: DeserializeOwned> Schema<T> {
    /// Refuses what is no `T`.
    #[must_use]
    pub fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T: DeserializeOwned> Default for Schema<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for Schema<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Schema<{}>", std::any::type_name::<T>())
    }
}

impl<T: DeserializeOwned> Guard for Schema<T> {
    fn name(&self) -> &'static str {
        "schema"
    }

    async fn check(&self, text: &str) -> Result<Checked> {
        Ok(match extract::<T>(text) {
            Ok(_) => Checked::Passed,
            // Its own words would repeat the text's.
            Err(_) => Checked::Refused { reason: "it has no value of the type".to_owned() },
        })
    }

    /// The tool's own schema says what they must be.
    async fn check_arguments(&self, _: &str) -> Result<Checked> {
        Ok(Checked::Passed)
    }
}
