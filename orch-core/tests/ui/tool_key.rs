use orch_core::{Result, tool};

/// Adds.
#[tool(reads, max_byte = 3)]
async fn add(a: u32) -> Result<u32> {
    Ok(a)
}

fn main() {}
