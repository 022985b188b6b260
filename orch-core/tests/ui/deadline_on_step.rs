use orch_core::{Result, workflow};

async fn search(n: u32) -> Result<u32> {
    Ok(n)
}

workflow!(
    async fn answer(n: u32) -> Result<u32> {
        #[deadline(10s)]
        let found = search(n).await?;
        Ok(found)
    }
);

fn main() {}
