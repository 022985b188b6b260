//! Files inside a folder.

use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use cap_std::ambient_authority;
#[cfg(unix)]
use cap_std::fs::OpenOptionsExt as _;
use cap_std::fs::{Dir, OpenOptions};
use orch_core::model::{ToolCall, ToolSpec};
use orch_core::tool::{Declared, Effect, ToolError, Tools};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Names in a list, at most.
const MAX_NAMES: usize = 500;
/// Bytes of a file that are read or written at once, at most.
const MAX_BYTES: u64 = 256 << 10;

/// Tools that list and read the files inside one folder: `list_files`, `read_file`, and where it is told so `write_file`.
///
/// The operating system keeps them inside (`openat2`): neither `..` nor a link, made before or meanwhile, leads out.
#[derive(Clone)]
pub struct Folder {
    root: Arc<Dir>,
    writable: bool,
}

#[derive(Deserialize, JsonSchema)]
struct List {
    /// The folder, relative to the root; "." for the root.
    folder: String,
}

#[derive(Deserialize, JsonSchema)]
struct ReadFile {
    /// The file, relative to the root.
    file: String,
    /// The first line to read, from 1; the first of all if it is left out.
    from_line: Option<usize>,
}

#[derive(Deserialize, JsonSchema)]
struct WriteFile {
    /// The file, relative to the root; its folder must be there.
    file: String,
    /// All of its text.
    text: String,
}

#[derive(Serialize)]
struct Listed {
    name: String,
    folder: bool,
    bytes: u64,
}

const LIST: Declared<'static> = Declared::new("list_files", "Lists what is in a folder.", Effect::Reads);
const READ: Declared<'static> = Declared::new("read_file", "Reads a text file.", Effect::Reads);
const WRITE: Declared<'static> =
    Declared::new("write_file", "Writes a text file, in place of what it was.", Effect::Idempotent);

impl Folder {
    /// Tools that read inside `root`.
    ///
    /// # Errors
    ///
    /// When there is no such folder.
    pub fn read_only(root: impl AsRef<Path>) -> std::io::Result<Self> {
        let root = Dir::open_ambient_dir(root, ambient_authority())?;
        Ok(Self { root: Arc::new(root), writable: false })
    }

    /// The same tools, and one that writes.
    ///
    /// # Errors
    ///
    /// When there is no such folder.
    pub fn writable(root: impl AsRef<Path>) -> std::io::Result<Self> {
        Ok(Self { writable: true, ..Self::read_only(root)? })
    }

    fn list(&self, folder: &str) -> std::io::Result<Vec<Listed>> {
        let mut names = Vec::new();
        let mut more = false;
        for entry in self.root.read_dir(if folder.is_empty() { "." } else { folder })? {
            more = names.len() == MAX_NAMES;
            if more {
                break;
            }
            let entry = entry?;
            let about = entry.metadata()?;
            let name = entry.file_name().to_string_lossy().into_owned();
            names.push(Listed { name, folder: about.is_dir(), bytes: about.len() });
        }
        names.sort_by(|a, b| a.name.cmp(&b.name));
        if more {
            names.push(Listed { name: "[there are more]".to_owned(), folder: false, bytes: 0 });
        }
        Ok(names)
    }

    fn read(&self, file: &str, from_line: usize) -> std::io::Result<String> {
        if !self.root.metadata(file)?.is_file() {
            return Err(std::io::Error::other("it is no file"));
        }
        let mut reader = BufReader::new(self.root.open(file)?);
        for _ in 1..from_line {
            if reader.skip_until(b'\n')? == 0 {
                return Err(std::io::Error::other(format!("it has no line {from_line}")));
            }
        }
        let mut bytes = Vec::new();
        reader.take(MAX_BYTES).read_to_end(&mut bytes)?;
        let more = bytes.len() as u64 == MAX_BYTES;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Ok(if more { format!("{text}\n[there is more; read from a later line]") } else { text })
    }

    /// Writes beside the file and puts that in its place, so that nobody sees half of it.
    fn write(&self, file: &str, text: &str) -> std::io::Result<usize> {
        if text.len() as u64 > MAX_BYTES {
            return Err(std::io::Error::other(format!("at most {MAX_BYTES} bytes are written")));
        }
        // A name nobody else has, so that what is removed below is what was made here.
        let partial = format!("{file}.{:016x}.part", RandomState::new().hash_one(file));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        // Who may read it stays as it was, from its first byte on.
        let before = self.root.metadata(file).ok().map(|before| before.permissions());
        #[cfg(unix)]
        if before.is_some() {
            options.mode(0o600);
        }
        let mut made = self.root.open_with(&partial, &options)?;
        let written = made.write_all(text.as_bytes()).and_then(|()| {
            if let Some(before) = before {
                made.set_permissions(before)?;
            }
            self.root.rename(&partial, &self.root, file)
        });
        if let Err(error) = written {
            // What was begun goes; if even that fails, the first failure is what counts.
            let _ = self.root.remove_file(&partial);
            return Err(error);
        }
        Ok(text.len())
    }

    /// Does something on a thread for blocking work, where there is a runtime.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(Self) -> std::io::Result<T> + Send + 'static,
    ) -> orch_core::Result<T> {
        let this = self.clone();
        let done = match tokio::runtime::Handle::try_current() {
            Ok(runtime) => runtime.spawn_blocking(move || work(this)).await?,
            Err(_) => work(this),
        };
        Ok(done?)
    }
}

impl Tools for Folder {
    fn specs(&self) -> Vec<ToolSpec> {
        let mut specs = vec![LIST.spec::<List>(), READ.spec::<ReadFile>()];
        specs.extend(self.writable.then(|| WRITE.spec::<WriteFile>()));
        specs
    }

    fn effect(&self, tool: &str) -> Option<Effect> {
        match tool {
            "list_files" | "read_file" => Some(Effect::Reads),
            "write_file" if self.writable => Some(Effect::Idempotent),
            _ => None,
        }
    }

    async fn call(&self, call: &ToolCall) -> Result<String, ToolError> {
        match call.tool.as_str() {
            "list_files" => {
                let work = async |List { folder }| self.blocking(move |this| this.list(&folder)).await;
                LIST.call(call, work).await
            }
            "read_file" => {
                let work = async |ReadFile { file, from_line }| {
                    self.blocking(move |this| this.read(&file, from_line.unwrap_or(1))).await
                };
                READ.call(call, work).await
            }
            "write_file" if self.writable => {
                let work = async |WriteFile { file, text }| {
                    self.blocking(move |this| this.write(&file, &text)).await
                };
                WRITE.call(call, work).await
            }
            other => {
                let known = self.specs().iter().map(|spec| spec.name.to_string()).collect();
                Err(ToolError::Unknown { tool: other.to_owned(), known })
            }
        }
    }
}

impl fmt::Debug for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Folder").field("writable", &self.writable).finish_non_exhaustive()
    }
}
