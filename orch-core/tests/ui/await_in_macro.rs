use orch_core::{Result, workflow};

async fn search(n: u32) -> Result<u32> {
    Ok(n)
}

workflow!(
    async fn answer(n: u32) -> Result<u32> {
        let shown = format!("{}", search(n).await?);
        Ok(shown.len() as u32)
    }
);

fn main() {}
