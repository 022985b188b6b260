use orch_core::tool;

/// Says hello.
#[tool]
async fn hello() {}

fn main() {}
