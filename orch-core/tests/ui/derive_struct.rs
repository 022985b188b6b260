use orch_core::Route;

#[derive(Route, Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Intent {
    billing: bool,
}

fn main() {}
