use orch_core::{Result, fan_out};

async fn search(n: u32) -> Result<u32> {
    Ok(n)
}

async fn both() -> Result<u32> {
    let both = fan_out!(left = search(1), #[cfg(unix)] right = search(2)).await?;
    Ok(both.left + both.right)
}

fn main() {}
