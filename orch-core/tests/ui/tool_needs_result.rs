use orch_core::tool;

/// Says hello.
#[tool(reads)]
async fn hello() {}

fn main() {}
