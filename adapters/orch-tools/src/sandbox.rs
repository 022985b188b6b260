//! Code of a model, run where it can do nothing.

use std::fmt;
use std::fmt::Write as _;
use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use orch_core::model::{ToolCall, ToolSpec};
use orch_core::tool::{Declared, Effect, ToolError, Tools};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;

/// Makes a root of its own with the system's programs to read, a folder to work in, and nothing else; leaves the old one
/// for good; and gives up every right over what it made before it runs the program, with limits.
const ENTER: &str = r#"
set -e
root=$1; work=$2; cpu=$3; memory=$4; shift 4
mount -t tmpfs -o size=1m,mode=755 tmpfs "$root"
mkdir "$root/proc" "$root/dev" "$root/work" "$root/tmp" "$root/old"
for name in usr bin sbin lib lib32 lib64; do
    if [ -L "/$name" ]; then
        ln -s "$(readlink "/$name")" "$root/$name"
    elif [ -d "/$name" ]; then
        mkdir "$root/$name"
        mount --bind "/$name" "$root/$name"
        mount -o remount,bind,ro "$root/$name"
    fi
done
mount -t proc proc "$root/proc"
for name in null zero urandom; do
    : > "$root/dev/$name"
    mount --bind "/dev/$name" "$root/dev/$name"
done
mount -t tmpfs -o size=16m tmpfs "$root/tmp"
mount -t tmpfs -o size=16m tmpfs "$root/work"
cp "$work"/* "$root/work/"
cd "$root"
pivot_root . old
umount -l /old
mount -o remount,bind,ro /
cd /work
exec prlimit --cpu="$cpu" --as="$memory" --fsize=8388608 --nofile=64 --nproc=64 --core=0 -- \
    setpriv --no-new-privs --bounding-set=-all --inh-caps=-all --ambient-caps=-all \
    --securebits=+noroot,+noroot_locked,+no_setuid_fixup,+no_setuid_fixup_locked -- \
    env -i PATH=/usr/local/bin:/usr/bin:/bin HOME=/work LANG=C.UTF-8 "$@"
"#;

/// A tool that runs a program a model wrote, `run_code`.
///
/// It runs in namespaces of its own (`unshare`): it has no network, sees no process but its own, and of the file system the
/// system's programs, to read, and an empty folder in memory. It has limits of time, memory, processes and file sizes
/// (`prlimit`), and what it prints is cut. All of it ends when its time is over.
///
/// These programs are part of `util-linux`; a system that forbids user namespaces cannot have it, and [`Sandbox::python`]
/// says so.
#[derive(Clone)]
pub struct Sandbox {
    program: Vec<String>,
    file: String,
    description: String,
    timeout: Duration,
    memory: u64,
    max_output: usize,
}

#[derive(Deserialize, JsonSchema)]
struct Code {
    /// The whole program. What it prints is the answer.
    code: String,
}

/// Why code cannot be run.
#[derive(Debug)]
#[non_exhaustive]
pub enum SandboxError {
    /// This system gives no namespaces of one's own, or has not the programs.
    Unavailable(String),
    /// The code ran longer than it may.
    TimedOut(Duration),
    /// It cannot be started.
    Start(std::io::Error),
}

impl fmt::Display for SandboxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable(why) => write!(f, "there is no sandbox on this system: {why}"),
            Self::TimedOut(limit) => write!(f, "the code ran longer than {limit:?}, and was ended"),
            Self::Start(error) => write!(f, "the code cannot be started: {error}"),
        }
    }
}

impl std::error::Error for SandboxError {}

impl Sandbox {
    /// Runs Python, if this system can keep it in. Tries it.
    ///
    /// # Errors
    ///
    /// [`SandboxError::Unavailable`].
    pub async fn python() -> Result<Self, SandboxError> {
        let description = "Runs a Python program and gives what it prints. It has no network, and no files.";
        Self::program("Python", ["python3", "-I", "main.py"], "main.py", description, "print('in')", "in")
            .await
    }

    /// Runs a shell script, if this system can keep it in. Tries it.
    ///
    /// # Errors
    ///
    /// [`SandboxError::Unavailable`].
    pub async fn shell() -> Result<Self, SandboxError> {
        let description = "Runs a shell script and gives what it prints. It has no network, and no files.";
        Self::program("a shell", ["sh", "main.sh", ""], "main.sh", description, "echo in", "in").await
    }

    async fn program<const N: usize>(
        what: &str,
        program: [&str; N],
        file: &str,
        description: &str,
        trial: &str,
        expected: &str,
    ) -> Result<Self, SandboxError> {
        let sandbox = Self {
            program: program.into_iter().filter(|word| !word.is_empty()).map(str::to_owned).collect(),
            file: file.to_owned(),
            description: description.to_owned(),
            timeout: Duration::from_secs(10),
            memory: 512 << 20,
            max_output: 16 << 10,
        };
        let ran = sandbox.run(trial).await?;
        if ran.trim() != expected {
            return Err(SandboxError::Unavailable(format!("{what} does not run in it: {ran}")));
        }
        Ok(sandbox)
    }

    /// Lets code run so long; ten seconds unless said.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Lets each of its processes have so many bytes of memory; 512 MiB unless said.
    #[must_use]
    pub fn memory(self, bytes: u64) -> Self {
        Self { memory: bytes, ..self }
    }

    /// Runs code, and gives what it printed and how it ended.
    ///
    /// # Errors
    ///
    /// [`SandboxError`]. Code that fails is no error: what it printed says why.
    pub async fn run(&self, code: &str) -> Result<String, SandboxError> {
        let folder = tempfile::tempdir().map_err(SandboxError::Start)?;
        let (root, work) = (folder.path().join("root"), folder.path().join("work"));
        let prepared: std::io::Result<PathBuf> = (|| {
            std::fs::create_dir(&root)?;
            std::fs::create_dir(&work)?;
            std::fs::write(work.join(&self.file), code)?;
            // Whoever it runs as reads it.
            std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755))?;
            Ok(root)
        })();
        let root = prepared.map_err(SandboxError::Start)?;
        // No limit of processes holds for the superuser, so its sandboxes are nobody's.
        let superuser = std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
        let mut command = Command::new(if superuser { "setpriv" } else { "unshare" });
        if superuser {
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--", "unshare"]);
        }
        command.args([
            "--user",
            "--map-root-user",
            "--mount",
            "--net",
            "--ipc",
            "--uts",
            "--pid",
            "--fork",
            "--kill-child",
        ]);
        command.args(["--", "sh", "-c", ENTER, "sandbox"]).arg(&root).arg(&work);
        command
            .arg(self.timeout.as_secs().max(1).to_string())
            .arg(self.memory.to_string())
            .args(&self.program);
        command.env_clear().env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                SandboxError::Unavailable("`unshare` or `setpriv` is not installed".to_owned())
            }
            _ => SandboxError::Start(error),
        })?;
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let running = async {
            let limit = self.max_output;
            let (out, err, ended) = tokio::join!(printed(out, limit), printed(err, limit), child.wait());
            Ok::<_, std::io::Error>((out?, err?, ended?))
        };
        let ended = tokio::time::timeout(self.timeout, running).await;
        let Ok(ended) = ended else {
            // It is also killed when it is dropped; waiting for it keeps its number from staying taken.
            let _ = child.kill().await;
            return Err(SandboxError::TimedOut(self.timeout));
        };
        let (out, err, status) = ended.map_err(SandboxError::Start)?;
        let mut text = out;
        if !err.is_empty() {
            let _ = write!(text, "{}errors:\n{err}", if text.is_empty() { "" } else { "\n" });
        }
        if !status.success() {
            let _ = write!(text, "\n[it ended with {status}]");
        }
        Ok(text)
    }
}

/// What comes, up to a limit; what is beyond is read and dropped, so that whoever prints it goes on.
async fn printed(stream: Option<impl AsyncRead + Unpin>, limit: usize) -> std::io::Result<String> {
    let Some(mut stream) = stream else { return Ok(String::new()) };
    let (mut kept, mut dropped) = (Vec::new(), 0);
    let mut buffer = vec![0; 8 << 10];
    loop {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            break;
        }
        let room = limit.saturating_sub(kept.len()).min(count);
        kept.extend_from_slice(&buffer[..room]);
        dropped += count - room;
    }
    let mut text = String::from_utf8_lossy(&kept).into_owned();
    if dropped > 0 {
        let _ = write!(text, " [{dropped} bytes left out]");
    }
    Ok(text)
}

impl Sandbox {
    fn declared(&self) -> Declared<'_> {
        // It changes nothing that is there afterwards.
        Declared::new("run_code", &self.description, Effect::Reads)
            .timeout(self.timeout + Duration::from_secs(5))
    }
}

impl Tools for Sandbox {
    fn specs(&self) -> Vec<ToolSpec> {
        vec![self.declared().spec::<Code>()]
    }

    fn effect(&self, tool: &str) -> Option<Effect> {
        (tool == "run_code").then_some(Effect::Reads)
    }

    async fn call(&self, call: &ToolCall) -> Result<String, ToolError> {
        self.declared().call(call, async |Code { code }| self.run(&code).await).await
    }
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox")
            .field("program", &self.program)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
