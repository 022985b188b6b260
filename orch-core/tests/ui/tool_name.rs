use orch_core::{Result, tool};

/// Adds.
#[tool(reads)]
#[name("add two numbers")]
async fn add(a: u32) -> Result<u32> {
    Ok(a)
}

fn main() {}
