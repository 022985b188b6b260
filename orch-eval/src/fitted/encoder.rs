//! The encoders of a fitted router: which models, and where they are.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::fitted::FileError;

/// Where the model of an encoder is.
///
/// ```
/// use orch_eval::EncoderPlace;
///
/// let here: EncoderPlace = "models/minilm".parse()?;
/// let there: EncoderPlace = "https://api.openai.com/v1#text-embedding-3-small".parse()?;
/// assert_eq!(here, EncoderPlace::Folder("models/minilm".into()));
/// assert!("https://api.openai.com/v1".parse::<EncoderPlace>().is_err());
/// assert!("https://me:password@models.example/v1#small".parse::<EncoderPlace>().is_err());
/// assert_eq!(there.to_string(), "https://api.openai.com/v1#text-embedding-3-small");
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EncoderPlace {
    /// In a folder.
    Folder(PathBuf),
    /// At a server that speaks OpenAI's protocol. If it wants a key, that is in the environment variable
    /// `ORCH_API_KEY`; no file keeps it. A server that is named in a router's file alone is not given the key: a file may
    /// come from anywhere.
    Server {
        /// The address its paths are under.
        base: String,
        /// What the server calls the model.
        model: String,
    },
}

/// Who says where a model is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NamedBy {
    /// Whoever runs the program.
    Caller,
    /// A router's file.
    File,
}

/// The environment variable with the key of a server.
const KEY: &str = "ORCH_API_KEY";

impl FromStr for EncoderPlace {
    type Err = String;

    /// A folder, or a server's address and the model's name with `#` between them.
    fn from_str(text: &str) -> Result<Self, String> {
        if !text.starts_with("http://") && !text.starts_with("https://") {
            return Ok(Self::Folder(text.into()));
        }
        let host = text.split_once("//").map_or(text, |(_, rest)| rest).split(['/', '#']).next();
        if host.is_some_and(|host| host.contains('@')) {
            // The address stands in the router's file.
            return Err(format!(
                "an address with a name and a password is kept nowhere: put the key in {KEY}"
            ));
        }
        match text.split_once('#') {
            Some((base, model)) if !model.is_empty() => {
                Ok(Self::Server { base: base.to_owned(), model: model.to_owned() })
            }
            _ => {
                Err(format!("say which model of the server, after a #: {}#MODEL", text.trim_end_matches('#')))
            }
        }
    }
}

impl fmt::Display for EncoderPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => folder.display().fmt(f),
            Self::Server { base, model } => write!(f, "{base}#{model}"),
        }
    }
}

impl EncoderPlace {
    pub(crate) fn error(&self, what: impl Into<String>) -> FileError {
        FileError { path: self.to_string().into(), what: what.into() }
    }
}

#[cfg(feature = "embed")]
mod model {
    use orch_core::Result;
    use orch_core::router::{Encoder, Vectors};
    use orch_embed::{Static, Transformer};
    use orch_openai::{Embeddings, Server};

    use super::{EncoderPlace, FileError, KEY, NamedBy, Path};

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

    /// A model, wherever it is.
    #[derive(Debug)]
    pub(crate) enum Model {
        Static(Static),
        Transformer(Transformer),
        Remote(Embeddings),
    }

    impl Model {
        /// A folder with `model.onnx` has a transformer, any other a table of token vectors.
        pub(crate) fn open(place: &EncoderPlace, named_by: NamedBy) -> std::result::Result<Self, FileError> {
            let folder = match place {
                EncoderPlace::Folder(folder) => folder,
                EncoderPlace::Server { base, model } => {
                    let key = std::env::var(KEY).ok().filter(|_| named_by == NamedBy::Caller);
                    return connect(base, model, key).map(Self::Remote).map_err(|what| place.error(what));
                }
            };
            let model = if folder.join("model.onnx").exists() || !folder.join("model.safetensors").exists() {
                Transformer::open(folder).map(Self::Transformer)
            } else {
                Static::open(folder).map(Self::Static)
            };
            model.map_err(|error| FileError { path: error.path, what: error.what })
        }
    }

    /// Asks a server how long the model's vectors are; on a thread of its own, as the caller may be on a runtime's.
    fn connect(base: &str, model: &str, key: Option<String>) -> std::result::Result<Embeddings, String> {
        let mut server = Server::new(base);
        if let Some(key) = key {
            server = server.with_key(key);
        }
        let asked = std::thread::scope(|scope| {
            let connecting = scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                runtime.block_on(Embeddings::connect(server, model))
            });
            connecting.join()
        });
        match asked {
            Ok(connected) => connected.map_err(|error| error.to_string()),
            Err(_) => Err("asking it for a vector panicked".to_owned()),
        }
    }

    impl Encoder for Model {
        fn identity(&self) -> &str {
            match self {
                Self::Static(model) => model.identity(),
                Self::Transformer(model) => model.identity(),
                Self::Remote(model) => model.identity(),
            }
        }

        fn dimensions(&self) -> usize {
            match self {
                Self::Static(model) => model.dimensions(),
                Self::Transformer(model) => model.dimensions(),
                Self::Remote(model) => model.dimensions(),
            }
        }

        fn batch_size(&self) -> usize {
            match self {
                Self::Static(model) => model.batch_size(),
                Self::Transformer(model) => model.batch_size(),
                Self::Remote(model) => model.batch_size(),
            }
        }

        fn word_rank(&self, word: &str) -> Option<u32> {
            match self {
                Self::Static(model) => model.word_rank(word),
                Self::Transformer(model) => model.word_rank(word),
                Self::Remote(model) => model.word_rank(word),
            }
        }

        async fn encode(&self, texts: &[&str]) -> Result<Vectors> {
            match self {
                Self::Static(model) => model.encode(texts).await,
                Self::Transformer(model) => model.encode(texts).await,
                Self::Remote(model) => model.encode(texts).await,
            }
        }
    }
}

#[cfg(not(feature = "embed"))]
mod model {
    use orch_core::Result;
    use orch_core::router::{Encoder, Vectors};

    use super::{EncoderPlace, FileError, NamedBy, Path};

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
        pub(crate) fn open(place: &EncoderPlace, _: NamedBy) -> std::result::Result<Self, FileError> {
            Err(place.error("this build has no encoders; build orch-eval with the feature `embed`"))
        }
    }

    impl Encoder for Model {
        fn identity(&self) -> &str {
            match *self {}
        }

        fn dimensions(&self) -> usize {
            match *self {}
        }

        async fn encode(&self, _: &[&str]) -> Result<Vectors> {
            match *self {}
        }
    }
}

pub(crate) use model::{Memory, Model, remembering};
