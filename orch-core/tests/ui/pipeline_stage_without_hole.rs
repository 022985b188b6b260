use orch_core::{Result, pipeline};

async fn search(n: u32) -> Result<u32> {
    Ok(n)
}
async fn add(n: u32) -> Result<u32> {
    Ok(n)
}

fn main() {
    let more = 2;
    let _ = pipeline!(search, add(more));
}
