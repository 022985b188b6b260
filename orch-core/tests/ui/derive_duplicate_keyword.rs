use orch_core::Route;

#[derive(Route, Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Intent {
    #[route(keywords("refund"))]
    Billing,
    #[route(default, keywords("Refund"))]
    Other,
}

fn main() {}
