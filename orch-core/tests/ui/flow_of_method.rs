use orch_core::{Result, workflow};

trait Search {
    async fn search(&self) -> Result<u32>;
}
impl Search for u32 {
    async fn search(&self) -> Result<u32> {
        Ok(*self)
    }
}

workflow!(
    async fn answer(n: u32) -> Result<u32> {
        #[flow]
        let found = n.search().await?;
        Ok(found)
    }
);

fn main() {}
