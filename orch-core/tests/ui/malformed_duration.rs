use orch_core::{Result, workflow};

async fn search(n: u32) -> Result<u32> {
    Ok(n)
}

workflow!(
    async fn answer(n: u32) -> Result<u32> {
        #[timeout(10 seconds)]
        let found = search(n).await?;
        #[timeout(5h)]
        let more = search(found).await?;
        Ok(more)
    }
);

fn main() {}
