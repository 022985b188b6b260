use orch_core::{pipeline};


fn main() {
    let _ = pipeline!();
}
