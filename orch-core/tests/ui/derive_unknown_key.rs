use orch_core::Route;

#[derive(Route, Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Intent {
    #[route(keyword("refund"))]
    Billing,
    #[route(default)]
    Other,
}

fn main() {}
