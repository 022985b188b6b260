//! The files of a cassette: a line for each exchange, in shards by the first two digits of its key.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use orch_core::{Error, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::CassetteError;
use crate::dataset::fnv;
use crate::files::{end_of_lines, write_whole};

/// A shard larger than this, in bytes, is compressed when it is put in order.
const LARGE: usize = 1 << 20;
/// The most bytes a shard may have once it is unpacked: a larger one is damaged or hostile.
const LARGEST: u64 = 1 << 30;

/// One exchange, as it stands in a file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Line {
    /// The key, in hexadecimal.
    pub(super) key: String,
    /// Which time it was asked, from 0: the epoch, and the number within a case.
    pub(super) at: (usize, u32),
    /// The model or tool.
    pub(super) kind: String,
    /// What was asked.
    pub(super) request: Value,
    /// What came of it.
    #[serde(flatten)]
    pub(super) came: Came,
}

/// What came of a request.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Came {
    /// An answer.
    Reply(Value),
    /// An error.
    Error {
        /// Its words.
        what: String,
        /// How long to wait before trying again, in milliseconds, where that was said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after: Option<u64>,
    },
}

impl Came {
    /// What came, as it is kept: of an error its words, and how long it asks to wait.
    pub(super) fn of<A: Serialize>(answer: &Result<A>) -> Result<Self> {
        Ok(match answer {
            Ok(answer) => Self::Reply(serde_json::to_value(answer)?),
            Err(error) => Self::Error {
                what: error.to_string(),
                retry_after: error.retry_after().map(|wait| wait.as_millis() as u64),
            },
        })
    }

    /// What was kept, as it came.
    pub(super) fn answer<A: DeserializeOwned>(self) -> Result<A> {
        match self {
            Self::Reply(reply) => Ok(serde_json::from_value(reply)?),
            Self::Error { what, retry_after } => {
                let error = Error::message(what);
                Err(match retry_after {
                    Some(wait) => error.try_again_after(Duration::from_millis(wait)),
                    None => error,
                })
            }
        }
    }
}

fn wrong(path: &Path, line: usize, what: impl Into<String>) -> CassetteError {
    CassetteError::File { path: path.to_owned(), line, what: what.into() }
}

/// The files of a cassette, sorted. None where there is no folder.
fn files(folder: &Path) -> Result<Vec<PathBuf>, CassetteError> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(wrong(folder, 0, format!("cannot be read: {error}"))),
    };
    let is_shard = |path: &PathBuf| {
        path.file_name().is_some_and(|name| {
            let name = name.to_string_lossy();
            name.ends_with(".jsonl") || name.ends_with(".jsonl.gz")
        })
    };
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(is_shard).collect();
    // A compressed shard is older than the lines that were added since.
    files.sort_by_key(|path| match path.extension() {
        Some(end) if end == "gz" => (path.with_extension(""), false),
        _ => (path.clone(), true),
    });
    Ok(files)
}

/// What tells these recordings from others, in whatever order and files they stand; `None` where there are none.
pub(crate) fn hash(folder: &Path) -> Result<Option<u64>, CassetteError> {
    let newest: BTreeMap<(String, (usize, u32)), String> = read(folder)?
        .into_iter()
        .map(|line| ((line.key.clone(), line.at), serde_json::to_string(&line).unwrap_or_default()))
        .collect();
    let mix = |hash: u64, line: &String| fnv(format!("{hash:016x}{line}").as_bytes());
    Ok((!newest.is_empty()).then(|| newest.values().fold(0, mix)))
}

/// Reads every exchange, in the order of the files. A last line that is unfinished is what a killed process leaves, and
/// is passed over.
pub(super) fn read(folder: &Path) -> Result<Vec<Line>, CassetteError> {
    let mut lines = Vec::new();
    for path in files(folder)? {
        lines.extend(read_file(&path)?);
    }
    Ok(lines)
}

fn read_file(path: &Path) -> Result<Vec<Line>, CassetteError> {
    let cannot = |error: std::io::Error| wrong(path, 0, format!("cannot be read: {error}"));
    if !std::fs::metadata(path).map_err(cannot)?.is_file() {
        return Err(wrong(path, 0, "is no file"));
    }
    let file = std::fs::File::open(path).map_err(cannot)?;
    let mut bytes = Vec::new();
    let packed = path.extension().is_some_and(|end| end == "gz");
    let read = if packed {
        GzDecoder::new(file).take(LARGEST).read_to_end(&mut bytes)
    } else {
        file.take(LARGEST).read_to_end(&mut bytes)
    };
    read.map_err(cannot)?;
    bytes.truncate(end_of_lines(&bytes));
    let text = String::from_utf8(bytes).map_err(|_| wrong(path, 0, "is not UTF-8"))?;
    let numbered = (1..).zip(text.lines());
    numbered
        .map(|(number, line)| {
            let no_recording = |why: &str| {
                wrong(path, number, format!("is no recording ({why}); delete the line and record it again"))
            };
            let line: Line = serde_json::from_str(line).map_err(|error| no_recording(&error.to_string()))?;
            let is_key = line.key.len() == 32 && line.key.bytes().all(|byte| byte.is_ascii_hexdigit());
            if is_key { Ok(line) } else { Err(no_recording("its key is none")) }
        })
        .collect()
}

/// Adds an exchange, in one write: what a killed process leaves is whole lines and at most one piece.
pub(super) fn append(folder: &Path, line: &Line) -> Result<(), CassetteError> {
    let path = folder.join(format!("{}.jsonl", &line.key[..2]));
    let cannot = |error: std::io::Error| wrong(&path, 0, format!("cannot be written: {error}"));
    let mut bytes = serde_json::to_vec(line).map_err(|error| wrong(&path, 0, error.to_string()))?;
    bytes.push(b'\n');
    let mut file = OpenOptions::new().read(true).append(true).create(true).open(&path).map_err(cannot)?;
    file.lock().map_err(cannot)?;
    if let Some(piece) = unfinished(&mut file).map_err(cannot)? {
        file.set_len(piece).map_err(cannot)?;
    }
    file.write_all(&bytes).map_err(cannot)
}

/// Where an unfinished last line begins, if there is one.
fn unfinished(file: &mut std::fs::File) -> std::io::Result<Option<u64>> {
    use std::io::{Seek as _, SeekFrom};
    let length = file.metadata()?.len();
    if length == 0 {
        return Ok(None);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    if last[0] == b'\n' {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.take(LARGEST).read_to_end(&mut bytes)?;
    Ok(Some(end_of_lines(&bytes) as u64))
}

/// Puts every shard in order: sorted by key, the newest of several recordings, compressed where it is large.
pub(super) fn tidy(folder: &Path) -> Result<(), CassetteError> {
    type Shard = BTreeMap<(String, (usize, u32)), Line>;
    let mut shards: BTreeMap<String, Shard> = BTreeMap::new();
    for line in read(folder)? {
        let shard = shards.entry(line.key[..2].to_owned()).or_default();
        shard.insert((line.key.clone(), line.at), line);
    }
    for (name, lines) in shards {
        let mut text = Vec::new();
        for line in lines.values() {
            text.extend(serde_json::to_vec(line).map_err(|error| wrong(folder, 0, error.to_string()))?);
            text.push(b'\n');
        }
        let (plain, packed) = (folder.join(format!("{name}.jsonl")), folder.join(format!("{name}.jsonl.gz")));
        let (keep, drop) = if text.len() > LARGE { (&packed, &plain) } else { (&plain, &packed) };
        let cannot = |error: std::io::Error| wrong(keep, 0, format!("cannot be written: {error}"));
        if keep == &packed {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(&text).map_err(cannot)?;
            text = encoder.finish().map_err(cannot)?;
        }
        if std::fs::read(keep).ok().as_ref() != Some(&text) {
            write_whole(keep, &text).map_err(cannot)?;
        }
        // The other one's lines are in the one that was kept.
        if drop.exists() {
            std::fs::remove_file(drop).map_err(cannot)?;
        }
    }
    Ok(())
}
