use orch_core::{Result, tool};

/// Adds.
#[tool(reads)]
async fn add((a, b): (u32, u32)) -> Result<u32> {
    Ok(a + b)
}

fn main() {}
