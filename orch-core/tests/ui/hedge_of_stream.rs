use orch_core::{Result, workflow};

fn search(n: u32) -> impl futures_util::Stream<Item = Result<String>> {
    futures_util::stream::iter([Ok(n.to_string())])
}

workflow!(
    async fn answer(n: u32) -> Result<String> {
        #[stream]
        #[hedge(after = 300ms)]
        let found = search(n).await?;
        Ok(found)
    }
);

fn main() {}
