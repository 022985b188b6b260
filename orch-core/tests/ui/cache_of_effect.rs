use orch_core::{Result, workflow};

async fn search(n: u32) -> Result<u32> {
    Ok(n)
}

workflow!(
    async fn answer(n: u32, store: &orch_core::Cache<u32, u32>) -> Result<u32> {
        #[effect(idempotent)]
        #[cache(store, key = n)]
        let found = search(n).await?;
        Ok(found)
    }
);

fn main() {}
