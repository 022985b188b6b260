use orch_core::{Result, workflow};

async fn name(n: u32) -> Result<String> {
    Ok(n.to_string())
}
async fn measure(text: String) -> Result<u32> {
    Ok(text.len() as u32)
}

workflow!(
    async fn answer(n: u32) -> Result<u32> {
        let text = name(n).await?;
        let first = measure(text).await?;
        let second = measure(text).await?;
        Ok(first + second)
    }
);

fn main() {}
