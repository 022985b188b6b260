use orch_core::Route;

#[derive(Route, Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Intent {
    Billing(u32),
    #[route(default)]
    Other,
}

fn main() {}
