use orch_core::{Result, workflow};

async fn search(n: u32) -> Result<u32> {
    Ok(n)
}

workflow!(
    async fn answer(n: u32) -> Result<u32> {
        #[or(return Ok(0))]
        let found = search(n).await?;
        for _ in 0..3 {
            #[or(continue)]
            let more = search(found).await?;
            search(more).await?;
        }
        Ok(found)
    }
);

fn main() {}
