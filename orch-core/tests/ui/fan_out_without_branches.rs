use orch_core::{fan_out};


fn main() {
    let _ = fan_out!();
}
