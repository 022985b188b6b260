use orch_core::prompt;

fn main() {
    let _ = prompt!(sytem = "You write.", user = "Hello.");
}
