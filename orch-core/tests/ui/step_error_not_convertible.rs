use orch_core::{Result, workflow};

struct Silly;
async fn search(n: u32) -> Result<u32, Silly> {
    if n > 3 { Err(Silly) } else { Ok(n) }
}

workflow!(
    async fn answer(n: u32) -> Result<u32> {
        let found = search(n).await?;
        Ok(found)
    }
);

fn main() {}
