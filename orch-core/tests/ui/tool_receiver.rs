use orch_core::{Result, tool};

struct Desk;

impl Desk {
    /// Answers.
    #[tool(reads)]
    async fn answer(&self) -> Result<u32> {
        Ok(1)
    }
}

fn main() {}
