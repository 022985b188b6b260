use orch_core::{Result, workflow};

async fn search(n: u32) -> Result<u32> {
    Ok(n)
}

workflow!(
    async fn answer(n: u32) -> Result<u32> {
        #[rety(3)]
        let a = search(n).await?;
        #[timeout(5h)]
        let b = search(n).await?;
        #[retry(0)]
        let c = search(n).await?;
        #[name("x")]
        #[name("y")]
        let d = search(n).await?;
        #[or(3)]
        search(n).await?;
        #[retry(2)]
        let e = n + 1;
        #[hedge(3)]
        let f = search(e).await?;
        #[retry(2)]
        let g = search(n).await;
        loop {
            search(n).await?;
        }
        let unused = search(n).await?;
        Ok(a + b + c + d + f + g?)
    }
);

fn main() {}
