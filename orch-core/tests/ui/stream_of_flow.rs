use orch_core::{Result, workflow};

workflow!(
    async fn inner(n: u32) -> Result<u32> {
        Ok(n)
    }
);

workflow!(
    async fn answer(n: u32) -> Result<u32> {
        #[flow]
        #[stream]
        let found = inner(n).await?;
        Ok(found)
    }
);

fn main() {}
