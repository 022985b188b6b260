use orch_core::Route;

#[derive(Route, Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Intent {
    Billing,
    Other,
}

fn main() {}
