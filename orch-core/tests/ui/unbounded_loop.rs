use orch_core::{Result, workflow};

async fn search(n: u32) -> Result<u32> {
    Ok(n)
}

workflow!(
    async fn answer(n: u32) -> Result<u32> {
        loop {
            let found = search(n).await?;
            if found > 3 {
                return Ok(found);
            }
        }
    }
);

fn main() {}
