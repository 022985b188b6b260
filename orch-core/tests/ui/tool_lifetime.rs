use orch_core::{Result, tool};

/// Says what it is lent.
#[tool(reads)]
async fn say<'a>(text: &'a str) -> Result<&'a str> {
    Ok(text)
}

fn main() {}
