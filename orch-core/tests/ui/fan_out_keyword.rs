use orch_core::{Result, fan_out};

async fn search(n: u32) -> Result<u32> {
    Ok(n)
}

async fn both() -> Result<()> {
    fan_out!(left = search(1), return = search(2)).await?;
    Ok(())
}

fn main() {}
