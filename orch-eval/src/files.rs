//! Files that a crash leaves whole.

use std::io::Write as _;
use std::path::Path;

/// Writes a file so that a reader, or a crash, sees the old one or the new one and nothing between. What a link leads to
/// is replaced, not the link, and the file keeps its permissions.
///
/// # Errors
///
/// When it cannot be written, or something other than a file that may be written stands in its place.
pub fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let there = std::fs::metadata(path).ok();
    if let Some(there) = &there {
        let refused = |what: &str| Err(std::io::Error::new(std::io::ErrorKind::PermissionDenied, what));
        if !there.is_file() {
            return refused("what stands there is no file");
        }
        if there.permissions().readonly() {
            return refused("the file that stands there is read-only");
        }
    }
    let target = if there.is_some() { std::fs::canonicalize(path)? } else { path.to_owned() };
    let path = target.as_path();
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    // As any other new file: the umask decides, not the fact that it was a temporary one for a moment.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(bytes)?;
    if let Some(there) = there {
        file.as_file().set_permissions(there.permissions())?;
    }
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Where the last whole line ends: what follows is what a killed process leaves, and may end within a letter.
pub(crate) fn end_of_lines(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1)
}
