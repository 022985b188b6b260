use orch_core::{Result, workflow};

async fn search(n: u32) -> Result<u32> {
    Ok(n)
}
async fn measure(text: String) -> Result<u32> {
    Ok(text.len() as u32)
}

workflow!(
    async fn answer(n: u32) -> Result<u32> {
        let found = search(n).await?;
        let length = measure(found).await?;
        Ok(length)
    }
);

fn main() {}
