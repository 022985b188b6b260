use orch_core::{Result, tool};

/// Adds.
#[tool(reads)]
#[retry(3)]
async fn add(a: u32) -> Result<u32> {
    Ok(a)
}

fn main() {}
