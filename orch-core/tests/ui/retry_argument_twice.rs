use orch_core::{Result, workflow};

async fn search(n: u32) -> Result<u32> {
    Ok(n)
}

workflow!(
    async fn answer(n: u32) -> Result<u32> {
        #[retry(2, backoff = 1s..1s, backoff = 1ms..1ms)]
        let found = search(n).await?;
        Ok(found)
    }
);

fn main() {}
