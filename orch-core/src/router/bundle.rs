//! Several routers' files in one.

use crate::error::{Error, Kind, Result};
use crate::router::file::{self, Writer};

const KIND: &str = "bundle";

/// Routers' files, and a text that says what they are to each other.
///
/// ```
/// use orch_core::router::Bundle;
///
/// let bundle = Bundle { manifest: "first, then second".to_owned(), parts: vec![vec![1], vec![2, 3]] };
/// assert_eq!(Bundle::from_bytes(&bundle.to_bytes())?, bundle);
/// # orch_core::Ok(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bundle {
    /// What the parts are, as whoever wrote it wants to read it.
    pub manifest: String,
    /// The files.
    pub parts: Vec<Vec<u8>>,
}

impl Bundle {
    /// The bundle as one file.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut file = Writer::new(KIND);
        file.text(&self.manifest);
        file.count(self.parts.len());
        for part in &self.parts {
            file.blob(part);
        }
        file.finish()
    }

    /// Reads what [`to_bytes`](Bundle::to_bytes) wrote.
    ///
    /// # Errors
    ///
    /// When the bytes are not a bundle of this version, or are damaged.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let read = || {
            let mut reader = file::read(bytes, KIND)?;
            let manifest = reader.text()?;
            let count = reader.count(4)?;
            let parts = (0..count).map(|_| reader.blob()).collect::<std::result::Result<_, String>>()?;
            reader.finish()?;
            std::result::Result::Ok(Self { manifest, parts })
        };
        read().map_err(|problem| Error::with(Kind::Router, problem))
    }
}
