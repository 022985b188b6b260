use orch_core::{Result, workflow};

async fn search(n: u32) -> Result<u32> {
    Ok(n)
}

workflow!(
    async fn answer(n: u32) -> Result<u32> {
        let found = search(n).await?;
        #[cfg(any())]
        search(found).await?;
        #[cfg(all())]
        search(1).await?;
        Ok(n)
    }
);

fn main() {}
