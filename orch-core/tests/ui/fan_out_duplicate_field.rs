use orch_core::{Result, fan_out};

async fn search(n: u32) -> Result<u32> {
    Ok(n)
}

fn main() {
    let _ = async { fan_out!(risk = search(1), risk = search(2)).await };
}
