use orch_core::{Route, route};

#[derive(Route, Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Intent {
    Billing,
    #[route(default)]
    Other,
}

fn main() {
    let intent = Intent::Other;
    let _ = async { route!(match intent {}).await };
}
