use orch_core::{Result, workflow};

workflow!(
    async fn answer(n: u32) -> Result<u32> + {
        Ok(n)
    }
);

fn main() {}
