use orch_core::{Result, Route, route, workflow};

#[derive(Route, Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Intent {
    Billing,
    #[route(default)]
    Other,
}
async fn search(n: u32) -> Result<u32> {
    Ok(n)
}

workflow!(
    async fn answer(n: u32) -> Result<u32> {
        let intent = Intent::Other;
        let found = route!(match intent {
            Intent::Billing => search(n),
            _ => search(2),
        })
        .await?;
        Ok(found)
    }
);

fn main() {}
