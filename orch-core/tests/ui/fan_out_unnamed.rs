use orch_core::{Result, fan_out};

async fn search(n: u32) -> Result<u32> {
    Ok(n)
}

fn main() {
    let _ = fan_out!(search(1), search(2));
}
