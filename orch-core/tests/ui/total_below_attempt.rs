use orch_core::{Result, workflow};

async fn search(n: u32) -> Result<u32> {
    Ok(n)
}

workflow!(
    async fn answer(n: u32) -> Result<u32> {
        #[retry(3)]
        #[timeout(30s, total = 10s)]
        let found = search(n).await?;
        Ok(found)
    }
);

fn main() {}
