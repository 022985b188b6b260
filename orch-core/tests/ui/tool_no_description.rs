use orch_core::{Result, tool};

#[tool(reads)]
async fn add(a: u32) -> Result<u32> {
    Ok(a)
}

fn main() {}
