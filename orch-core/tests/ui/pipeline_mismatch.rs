use orch_core::{Result, pipeline};

async fn search(n: u32) -> Result<u32> {
    Ok(n)
}
async fn shout(text: String) -> Result<u32> {
    Ok(text.len() as u32)
}

fn main() {
    let chain = pipeline!(search, shout, search);
    let _ = chain.run(1);
}
