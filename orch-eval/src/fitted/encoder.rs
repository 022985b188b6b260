//! The encoder of a fitted router: which model, and where it is.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::fitted::FileError;

/// Where a router's encoder is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// The folder of the model.
    pub(crate) folder: PathBuf,
}

#[cfg(feature = "embed")]
mod model {
    use orch_core::Result;
    use orch_core::router::Encoder;
    use orch_embed::{Static, Transformer};

    use super::{FileError, Path};

    /// A model that embeds no text twice.
    pub(crate) type Memory<'a> = orch_embed::Cached<&'a Model>;

    /// Keeps the model's vectors in `file`, or in memory.
    pub(crate) fn remembering<'a>(
        model: &'a Model,
        file: Option<&Path>,
    ) -> std::result::Result<Memory<'a>, FileError> {
        match file {
            Some(file) => {
                Memory::open(model, file).map_err(|error| FileError { path: error.path, what: error.what })
            }
            None => Ok(Memory::in_memory(model)),
        }
    }

    /// A model, whichever its folder has.
    #[derive(Debug)]
    pub(crate) enum Model {
        Static(Static),
        Transformer(Transformer),
    }

    impl Model {
        /// A folder with `model.onnx` has a transformer, any other a table of token vectors.
        pub(crate) fn open(folder: &Path) -> std::result::Result<Self, FileError> {
            let model = if folder.join("model.onnx").exists() || !folder.join("model.safetensors").exists() {
                Transformer::open(folder).map(Self::Transformer)
            } else {
                Static::open(folder).map(Self::Static)
            };
            model.map_err(|error| FileError { path: error.path, what: error.what })
        }
    }

    impl Encoder for Model {
        fn identity(&self) -> &str {
            match self {
                Self::Static(model) => model.identity(),
                Self::Transformer(model) => model.identity(),
            }
        }

        fn dimensions(&self) -> usize {
            match self {
                Self::Static(model) => model.dimensions(),
                Self::Transformer(model) => model.dimensions(),
            }
        }

        fn batch_size(&self) -> usize {
            match self {
                Self::Static(model) => model.batch_size(),
                Self::Transformer(model) => model.batch_size(),
            }
        }

        async fn encode(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
            match self {
                Self::Static(model) => model.encode(texts).await,
                Self::Transformer(model) => model.encode(texts).await,
            }
        }
    }
}

#[cfg(not(feature = "embed"))]
mod model {
    use orch_core::Result;
    use orch_core::router::Encoder;

    use super::{FileError, Path};

    /// A model that embeds nothing.
    pub(crate) type Memory<'a> = &'a Model;

    /// There is no model whose vectors could be kept.
    pub(crate) fn remembering<'a>(
        model: &'a Model,
        _: Option<&Path>,
    ) -> std::result::Result<Memory<'a>, FileError> {
        match *model {}
    }

    /// No model: there is none without the feature `embed`.
    #[derive(Debug)]
    pub(crate) enum Model {}

    impl Model {
        pub(crate) fn open(folder: &Path) -> std::result::Result<Self, FileError> {
            let what = "this build has no encoders; build orch-eval with the feature `embed`".to_owned();
            Err(FileError { path: folder.to_owned(), what })
        }
    }

    impl Encoder for Model {
        fn identity(&self) -> &str {
            match *self {}
        }

        fn dimensions(&self) -> usize {
            match *self {}
        }

        async fn encode(&self, _: &[&str]) -> Result<Vec<Vec<f32>>> {
            match *self {}
        }
    }
}

pub(crate) use model::{Memory, Model, remembering};
