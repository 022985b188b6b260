use orch_core::{Result, Route, route};

#[derive(Route, Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Intent {
    Billing,
    #[route(default)]
    Other,
}
async fn search(n: u32) -> Result<u32> {
    Ok(n)
}

fn main() {
    let intent = Intent::Other;
    let _ = route!(match intent {
        Intent::Billing => search(1),
    });
}
