use orch_core::Route;

#[derive(Route, Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Intent {
    Billing,
    #[route(default, label = "billing")]
    Other,
}

fn main() {}
