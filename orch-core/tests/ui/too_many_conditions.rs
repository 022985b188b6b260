use orch_core::{Result, workflow};

async fn search(n: u32) -> Result<u32> {
    Ok(n)
}

workflow!(
    async fn answer(n: u32) -> Result<u32> {
        #[cfg(unix)]
        let n = search(n).await?;
        #[cfg(windows)]
        let n = search(n).await?;
        #[cfg(test)]
        let n = search(n).await?;
        #[cfg(debug_assertions)]
        let n = search(n).await?;
        #[cfg(miri)]
        let n = search(n).await?;
        Ok(n)
    }
);

fn main() {}
