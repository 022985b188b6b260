use orch_core::{Result, pipeline};

async fn search(n: u32) -> Result<u32> {
    Ok(n)
}

fn main() {
    let _ = pipeline!(search, #[retry(3)] pipeline!(search, search)).run(1);
}
