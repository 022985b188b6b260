use orch_core::{Result, workflow};

async fn search(n: u32) -> Result<u32> {
    Ok(n)
}

workflow!(
    async fn answer(n: u32) -> Result<u32> {
        let first = #[retry(3)]
        search(n).await?;
        Ok(first + #[timeout(1s)] search(first).await?)
    }
);

fn main() {}
