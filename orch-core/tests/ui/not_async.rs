use orch_core::{Result, workflow};

workflow!(
    fn answer(n: u32) -> Result<u32> {
        Ok(n)
    }
);

fn main() {}
