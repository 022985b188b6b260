use orch_core::{Result, tool};

/// Adds one.
#[tool(reads)]
fn add(a: u32) -> Result<u32> {
    Ok(a + 1)
}

fn main() {}
