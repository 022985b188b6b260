use orch_core::Route;

#[derive(Route, Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Intent {
    #[route(default)]
    Billing,
    #[route(default)]
    Other,
}

fn main() {}
