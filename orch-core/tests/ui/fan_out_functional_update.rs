use orch_core::{Result, fan_out};

async fn search(n: u32) -> Result<u32> {
    Ok(n)
}
struct Views {
    left: u32,
    right: u32,
}

fn main() {
    let rest = Views { left: 1, right: 2 };
    let _ = async { fan_out!(Views { left: search(1), ..rest }).await };
}
