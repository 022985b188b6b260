use orch_core::prompt;

fn main() {
    let text = "a";
    let _ = prompt!("Summarise {txt}");
}
