use orch_core::{Result, workflow};

async fn search(n: u32) -> Result<u32> {
    Ok(n)
}

workflow!(
    async fn answer(n: u32) -> Result<u32> {
        let all = [n].map(|n| search(n).await);
        Ok(all.len() as u32)
    }
);

fn main() {}
