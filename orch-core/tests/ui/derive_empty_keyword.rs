use orch_core::Route;

#[derive(Route, Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Intent {
    #[route(keywords(" "))]
    Billing,
    #[route(default)]
    Other,
}

fn main() {}
