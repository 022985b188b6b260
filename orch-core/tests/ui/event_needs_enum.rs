use orch_core::Event;

#[derive(Event)]
struct Uploaded(String);

fn main() {}
