use orch_core::workflow;

struct Mine;

async fn search(n: u32) -> Result<u32, Mine> {
    Ok(n)
}

workflow!(
    async fn answer(n: u32) -> Result<u32, Mine> {
        #[timeout(1s)]
        let found = search(n).await?;
        Ok(found)
    }
);

fn main() {}
