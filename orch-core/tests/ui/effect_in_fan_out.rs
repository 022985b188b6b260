use orch_core::{Result, fan_out, workflow};

async fn search(n: u32) -> Result<u32> {
    Ok(n)
}

workflow!(
    async fn answer(n: u32) -> Result<u32> {
        let both = fan_out!(
            left = search(n),
            #[effect]
            right = search(n),
        )
        .await?;
        Ok(both.left + both.right)
    }
);

fn main() {}
