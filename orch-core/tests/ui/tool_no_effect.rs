use orch_core::{Result, tool};

/// Deletes a file.
#[tool]
async fn delete(path: String) -> Result<()> {
    Ok(std::fs::remove_file(path)?)
}

fn main() {}
