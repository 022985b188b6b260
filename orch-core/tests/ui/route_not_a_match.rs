use orch_core::{Result, route};

async fn search(n: u32) -> Result<u32> {
    Ok(n)
}

fn main() {
    let _ = route!(search(1));
}
