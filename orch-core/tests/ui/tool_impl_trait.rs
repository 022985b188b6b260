use orch_core::{Result, tool};

/// Says it.
#[tool(reads)]
async fn say(text: impl Into<String>) -> Result<String> {
    Ok(text.into())
}

fn main() {}
